#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/plan/alternate.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/plan_printer.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

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

TEST(Alternate, RefusesOneTargetTwice) {
  const std::string said =
      "--alternate: both plans have the same target, so there is nothing to compare; give each its own url, "
      "model or headers (--set counts for both plans)";
  EXPECT_EQ(refusal(text("http://a:1"), text("http://a:1")), said);
  std::string renamed = text("http://a:1");
  renamed.replace(renamed.find("host"), 4, "other");
  EXPECT_EQ(refusal(text("http://a:1"), renamed), said) << "a name alone is no other host";
  std::string adapter = text("http://a:1");
  adapter.replace(adapter.find("model: m"), 8, "model: lora");
  EXPECT_EQ(refusal(text("http://a:1"), adapter), "") << "another model behind the same address";
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

/// A plan of its own with two targets, `more` under its name.
Result<Plan> turns(const std::string& scenario_more = "", const std::string& targets = "two",
                   const std::string& ramp = "steps: [1, 8], hold: 5s") {
  std::string plan = "kneepoint: 1\nalternate: true\ntargets:\n";
  for (const char* const name : {"one", "two", "three"}) {
    plan += "  - {name: " + std::string(name) + ", url: \"http://" + name + ":1\", model: m}\n";
    if (name == targets) break;
  }
  return parse_plan(plan + "scenarios:\n  - name: chat\n" + scenario_more +
                        "    workload: {prompts: [Hi], output_tokens: 8}\n    ramp: {" + ramp + "}\n",
                    "plan.yaml", {});
}

TEST(Alternate, TwoTargetsOfOnePlan) {
  const auto plan = turns();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->alternate);
  EXPECT_THAT(describe_plan(*plan), HasSubstr("take turns at each load"));
  EXPECT_THAT(describe_plan(*plan), Not(HasSubstr("more to confirm")));
  EXPECT_THAT(describe_plan(*plan), HasSubstr("In all 8 steps"));
  EXPECT_TRUE(turns("    targets: [two, one]\n"));
}

TEST(Alternate, OnePlanWhoseTargetsCannotTakeTurns) {
  const auto said = [](const Result<Plan>& plan) { return plan ? std::string() : plan.error().message; };
  EXPECT_EQ(said(turns("", "one")),
            "plan.yaml:2:12: 'alternate': two targets take turns, and the plan has 1");
  EXPECT_EQ(said(turns("", "three")),
            "plan.yaml:2:12: 'alternate': two targets take turns, and the plan has 3");
  EXPECT_THAT(said(turns("    targets: [two]\n")),
              HasSubstr("scenario 'chat' has one target; leave 'targets'"));
  EXPECT_THAT(said(turns("", "two", "search: {max: 64}")),
              HasSubstr("2:12: 'alternate': scenario 'chat' has no fixed"));
}

}  // namespace
}  // namespace kneepoint::coordinator
