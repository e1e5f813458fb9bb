#include "coordinator/plan/variables.h"

#include <gtest/gtest.h>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

const std::string kDefaulted = Parts{.target = "{name: host, url: \"${url:-http://h:1}\", model: m}"}.text();
const std::string kRequired = Parts{.target = "{name: host, url: \"${url}\", model: m}"}.text();

std::string url_of(const std::string& text, const Variables& variables) {
  const auto plan = parse_plan(text, "sweep.yaml", variables);
  return plan ? plan->targets[0].urls[0] : plan.error().message;
}

TEST(Variables, FlagThenEnvironmentThenDefault) {
  EXPECT_EQ(url_of(kDefaulted, fake_variables()), "http://h:1");
  EXPECT_EQ(url_of(kDefaulted, fake_variables({}, {{"KNEEPOINT_URL", "http://e:2"}})), "http://e:2");
  EXPECT_EQ(url_of(kDefaulted, fake_variables({{"url", "http://f:3"}}, {{"KNEEPOINT_URL", "http://e:2"}})),
            "http://f:3");
}

TEST(Variables, WithoutAValue) {
  EXPECT_EQ(url_of(kRequired, fake_variables()),
            "sweep.yaml:3:23: variable 'url' has no value; give --set url=VALUE or export KNEEPOINT_URL");
  EXPECT_EQ(url_of(Parts{.target = "{name: host, url: \"${gpu-host}\", model: m}"}.text(), fake_variables()),
            "sweep.yaml:3:23: variable 'gpu-host' has no value; give --set gpu-host=VALUE or export "
            "KNEEPOINT_GPU_HOST");
}

TEST(Variables, InsideATextAndTyped) {
  const std::string text = Parts{.target = "{name: host, url: 'http://${host:-h}:${port:-80}', model: m}",
                                 .ramp = "{steps: [\"1\"]}"}
                               .text();
  EXPECT_EQ(url_of(text, fake_variables()),
            "sweep.yaml:7:20: a step must be a whole number from 1 to 1000000, not '1'")
      << "quoted is a text";
  const std::string typed = Parts{.target = "{name: host, url: 'http://${host:-h}:${port:-80}', model: m}",
                                  .ramp = "\n      hold: ${hold:-30s}\n      steps:\n        - ${top:-4}"}
                                .text();
  const auto plan = parse_plan(typed, "p.yaml", fake_variables({{"top", "64"}, {"port", "81"}}));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->targets[0].urls[0], "http://h:81");
  EXPECT_EQ(plan->scenarios[0].ramp.steps, std::vector<std::uint32_t>{64});
}

TEST(Variables, DollarBraceItself) {
  const auto plan = parse_plan(Parts{.workload = "{prompts: ['echo $${HOME} costs $5']}"}.text(), "p.yaml",
                               fake_variables());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->scenarios[0].workload.classes[0].prompts[0], "echo ${HOME} costs $5");
  for (const char* wrong : {"${", "${}", "${1a}", "a ${b c} d", "${x", "${:-d}"}) {
    EXPECT_EQ(error_of(Parts{.workload = std::string("{prompts: ['") + wrong + "']}"}.text()),
              "sweep.yaml:6:26: '${' starts a variable, ${name} or ${name:-default}; for the text itself "
              "write $${");
  }
}

TEST(Variables, AFlagWithoutItsVariableIsAnError) {
  EXPECT_EQ(error_of(kDefaulted, fake_variables({{"ulr", "http://x"}})),
            "sweep.yaml:1:1: --set ulr: the plan has no variable 'ulr'; did you mean 'url'?");
  EXPECT_EQ(error_of(Parts{}.text(), fake_variables({{"url", "http://x"}})),
            "sweep.yaml:1:1: --set url: the plan has no variable 'url'; it has none at all");
}

TEST(Variables, SourceTextLoadsWithoutVariables) {
  const auto reload = [](const std::string& text, const Variables& variables) {
    const auto plan = parse_plan(text, "p.yaml", variables);
    EXPECT_TRUE(plan) << plan.error().message;
    return plan ? plan->source_text : "";
  };
  const std::string with_comment = "# pass ${url} or ${other}\n" + kRequired;
  const std::string source = reload(with_comment, fake_variables({{"url", "http://gpu:8"}}));
  EXPECT_EQ(url_of(source, fake_variables()), "http://gpu:8");
  EXPECT_EQ(source.substr(0, source.find('\n')), "# pass http://gpu:8 or ${other}");

  // A value that would end the quotes around it stays out of the text and is told above it.
  const std::string quoted = Parts{.workload = "{prompts: [\"${ask}\"]}"}.text();
  EXPECT_EQ(reload(quoted, fake_variables({{"ask", "say \"hi\""}})), "# --set ask=say \"hi\"\n" + quoted);
}

TEST(Variables, ValuesCannotBreakThePlan) {
  const std::string text = Parts{.workload = "{prompts: [\"${ask}\"]}"}.text();
  EXPECT_EQ(error_of(text, fake_variables({{"ask", "a\nb"}})),
            "sweep.yaml:6:26: the value of variable 'ask' must be one line of UTF-8 text");
  EXPECT_EQ(error_of(text, fake_variables({{"ask", "\xff"}})),
            "sweep.yaml:6:26: the value of variable 'ask' must be one line of UTF-8 text");
  EXPECT_EQ(error_of(text, fake_variables({{"ask", "x], y: [${z}"}})), "") << "a value is a text, not YAML";
}

TEST(Variables, Flags) {
  const auto flags = variables_from_flags({"url=http://h:1/?a=b", "empty="});
  ASSERT_TRUE(flags);
  EXPECT_EQ(flags->set, (std::map<std::string, std::string>{{"empty", ""}, {"url", "http://h:1/?a=b"}}));
  EXPECT_EQ(variables_from_flags({"url"}).error().message,
            "--set takes NAME=VALUE, such as --set url=http://10.0.0.5:8000, not 'url'");
  EXPECT_FALSE(variables_from_flags({"=x"}));
  EXPECT_EQ(variables_from_flags({"a=1", "a=2"}).error().message, "--set gives 'a' twice; give it once");
}

}  // namespace
}  // namespace kneepoint::coordinator
