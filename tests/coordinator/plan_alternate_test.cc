#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/plan/alternate.h"
#include "coordinator/plan/plan_loader.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string text(const std::string& url, const std::string& ramp = "steps: [1, 8], hold: 5s",
                 const std::string& workload = "prompts: [Hi], output_tokens: 8",
                 const std::string& more = "") {
  return "kneepoint: 1\ntargets:\n  - {name: host, url: \"" + url + "\", model: m}\n" + more +
         "scenarios:\n  - name: chat\n    workload: {" + workload + "}\n    ramp: {" + ramp + "}\n";
}

Result<Plan> both(const std::string& one, const std::string& two) {
  auto first = parse_plan(one, "a.yaml", {});
  auto second = parse_plan(two, "b.yaml", {});
  EXPECT_TRUE(first) << first.error().message;
  EXPECT_TRUE(second) << second.error().message;
  if (!first || !second) return Error{"no plan"};
  return alternate(*first, *second);
}

std::string refusal(const std::string& one, const std::string& two) {
  const auto plan = both(one, two);
  return plan ? "" : plan.error().message;
}

TEST(Alternate, IsOnePlanOfBothTargets) {
  const auto plan = both(text("http://a:1"), text("http://b:1", "search: {max: 64}"));
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->alternate);
  ASSERT_EQ(plan->targets.size(), 2u);
  EXPECT_EQ(plan->targets[0].name, "host");
  EXPECT_EQ(plan->targets[1].name, "host-b");
  EXPECT_THAT(plan->targets[1].urls, ElementsAre("http://b:1"));
  EXPECT_EQ(cells_of(*plan).size(), 2u);
  const auto again = parse_plan(plan->source_text, "plan.yaml", {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_THAT(plan->source_text, HasSubstr("http://b:1"));
}

TEST(Alternate, RefusesWhatCannotTakeTurns) {
  const std::string plain = text("http://a:1");
  EXPECT_EQ(
      refusal(text("http://a:1", "search: {max: 64}"), plain),
      "--alternate: scenario 'chat' has no fixed steps alone; targets take turns step by step, so write its "
      "ramp as ramp: {steps: [1, 8, 32], hold: 30s}");
  EXPECT_THAT(refusal(text("http://a:1", "soak: 8, hold: 1h"), plain), HasSubstr("no fixed steps"));
  EXPECT_THAT(refusal(text("http://a:1", "from: 1, to: 64, over: 10m"), plain), HasSubstr("no fixed steps"));
  EXPECT_EQ(
      refusal(plain, text("http://b:1", "steps: [1]", "prompts: [Hello], output_tokens: 8")),
      "--alternate: its plan asks something else in scenario 'chat'; both must have the same workload, and "
      "differ in their target");
  EXPECT_EQ(refusal(text("http://a:1", "steps: [1]", "prompts: [Hi], output_tokens: 8",
                         "  - {name: two, url: \"http://c:1\", model: m}\n"),
                    plain),
            "--alternate: the plans have 2 and 1 targets; each must have one");
}

}  // namespace
}  // namespace kneepoint::coordinator
