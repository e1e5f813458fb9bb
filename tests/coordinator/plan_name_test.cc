#include "common/name.h"

#include <gtest/gtest.h>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(PlanName, IsAnythingThatPrints) {
  for (const char* name : {"sweep", "1.5-b_c", "H200 #2 (new)", "长上下文 对话", "größe", "cafe\u0301",
                           "नमस्ते", "שלום", "🚀", "👩‍🔬 lab", "❤️", "a\"<&'`|[x]", "葛\U000E0100"}) {
    EXPECT_EQ(name_fault(name), std::nullopt) << name;
  }
  EXPECT_EQ(name_fault(repeated("长", 64)), std::nullopt) << "characters are counted, not bytes";
}

struct Refused {
  const char* name;
  const char* why;
};

TEST(PlanName, RefusesInOneLineWhatCannotBeReadOrTold) {
  const Refused cases[] = {
      {"", "is empty; give a text"},
      {" a", "begins or ends with a space; take it out"},
      {"a ", "begins or ends with a space; take it out"},
      {"a\nb", "holds U+000A, which does not print; take it out"},
      {"a\x1b[31m", "holds U+001B, which does not print; take it out"},
      {"a\u202Eb", "holds U+202E, which does not print; take it out"},
      {"a\u2066b", "holds U+2066, which does not print; take it out"},
      {"a\u200Bb", "holds U+200B, which does not print; take it out"},
      {"长\u3000文", "holds U+3000, which does not print; take it out"},
      {"a\u00A0b", "holds U+00A0, which does not print; take it out"},
      {"\uFEFFa", "holds U+FEFF, which does not print; take it out"},
      {"\u200Da", "holds U+200D, which does not print; take it out"},
      {"a\u200D", "holds U+200D, which does not print; take it out"},
      {"a\U000E0041", "holds U+E0041, which does not print; take it out"},
      {"a\uE000", "holds U+E000, which does not print; take it out"},
      {"caf\xe9", "is not UTF-8 text; save it as UTF-8"},
      {"=1+1", "begins with '='; begin it with a letter or a digit"},
      {"-x", "begins with '-'; begin it with a letter or a digit"},
      {"<b>", "begins with '<'; begin it with a letter or a digit"},
  };
  for (const auto& [name, why] : cases) EXPECT_EQ(name_fault(name), why) << name;
  EXPECT_EQ(name_fault(repeated("长", 65)), "has 65 characters; 64 are the most");
}

TEST(PlanName, IsMadeOfAFilesName) {
  EXPECT_EQ(made_name("sweep"), "sweep");
  EXPECT_EQ(made_name("my plan"), "my-plan");
  EXPECT_EQ(made_name("长上下文\u202E"), "长上下文-");
  EXPECT_EQ(made_name("caf\xe9"), "caf-");
  EXPECT_EQ(made_name(".hidden"), "plan");
  EXPECT_EQ(made_name(""), "plan");
  EXPECT_EQ(made_name(repeated("长", 70)), repeated("长", 64));
}

TEST(PlanName, IsAsciiInARunsIdWhichHeadersCarry) {
  EXPECT_EQ(ascii_name("sweep-2.b_c"), "sweep-2.b_c");
  EXPECT_EQ(ascii_name("H200 #2 (长 上下文) x"), "H200-2-x");
  EXPECT_EQ(ascii_name("长上下文"), "run");
  EXPECT_EQ(ascii_name("cafe\u0301"), "cafe");
}

TEST(PlanName, StandsWhereverAPlanHasOne) {
  const Plan plan = load(
      "kneepoint: 1\nname: 长 上下文\ntargets:\n  - {name: '主机 №1', url: 'http://h:1', model: "
      "m}\nscenarios:\n"
      "  - name: 🚀 chat\n    targets: ['主机 №1']\n    workload: {prompts: [{class: cafe\u0301, text: "
      "hi}]}\n"
      "    matrix: {output_tokens: [8, 16]}\n    ramp: {steps: [1]}\n");
  EXPECT_EQ(plan.name, "长 上下文");
  EXPECT_EQ(plan.targets.at(0).name, "主机 №1");
  EXPECT_EQ(plan.scenarios.at(1).name, "🚀 chat[output_tokens=16]");
  EXPECT_EQ(plan.scenarios.at(0).workload.classes.at(0).name, "cafe\u0301");
  EXPECT_EQ(load(Parts{}.text(), "dir/长上下文.yaml").name, "长上下文");
}

TEST(PlanName, IsRefusedWhereItStands) {
  EXPECT_EQ(error_of(Parts{.target = "{name: \"a\\u202Eb\", url: 'http://h:1', model: m}"}.text()),
            "sweep.yaml:3:12: a target's 'name' holds U+202E, which does not print; take it out");
  EXPECT_EQ(error_of(Parts{.workload = "{prompts: [{class: ' a', text: hi}]}"}.text()),
            "sweep.yaml:6:34: 'class' begins or ends with a space; take it out");
}

}  // namespace
}  // namespace kneepoint::coordinator
