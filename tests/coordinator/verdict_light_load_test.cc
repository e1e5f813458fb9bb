#include "coordinator/verdict/light_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

Step loaded_row(std::uint32_t n, double tokens, double off = 0.02, double answer = 24) {
  Step step{.concurrency = n, .duration_seconds = 60};
  step.output_tokens_per_second = {tokens, Interval{tokens * (1 - off), tokens * (1 + off)},
                                   tokens * off / 2};
  step.requests_per_second = {tokens / answer, {}, {}};
  step.requests.completed = 500;
  step.batches = 10;
  return step;
}

Verdict judged_light(std::vector<Step> steps) {
  const ScenarioResult result{.steps = std::move(steps)};
  Verdict verdict;
  judge_light_load(result, verdict);
  return verdict;
}

TEST(LightLoad, AHostThatWasColdAtFirstRefutesItself) {
  const Verdict verdict = judged_light({loaded_row(1, 23.8), loaded_row(2, 43.7), loaded_row(4, 147, 0.1),
                                        loaded_row(8, 278), loaded_row(16, 374)});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_EQ(verdict.remarks()[0].code, "light_load_slow");
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  EXPECT_FALSE(verdict.remarks()[0].remedy.empty());
  EXPECT_THAT(verdict.reasons()[0], ::testing::HasSubstr("in flight the host gives each request"));
}

TEST(LightLoad, WhatAHostThatStaysGivesIsNoNews) {
  EXPECT_TRUE(judged_light({loaded_row(1, 47.6), loaded_row(2, 87), loaded_row(4, 161), loaded_row(8, 278)})
                  .remarks()
                  .empty());
  EXPECT_TRUE(judged_light({loaded_row(1, 47.6), loaded_row(8, 47.6 * 8 * 1.05)}).remarks().empty())
      << "a little more";
  EXPECT_TRUE(judged_light({loaded_row(1, 40, 0.3), loaded_row(8, 400, 0.3)}).remarks().empty())
      << "by chance";
  EXPECT_TRUE(judged_light({loaded_row(1, 40), loaded_row(8, 400, 0.02, 60)}).remarks().empty())
      << "longer answers";
  EXPECT_TRUE(judged_light({}).remarks().empty());
}

TEST(LightLoad, OnlyRequestsThatAreKeptInFlightTell) {
  const auto empty = [](auto change) {
    std::vector<Step> steps = {loaded_row(1, 20), loaded_row(8, 400)};
    for (Step& step : steps) change(step);
    return judged_light(steps).remarks().empty();
  };
  EXPECT_FALSE(empty([](Step&) {}));
  EXPECT_TRUE(empty([](Step& step) { step.thinking = 1; }));
  EXPECT_TRUE(empty([](Step& step) { step.offered_rate = step.concurrency; }));
  EXPECT_TRUE(empty([](Step& step) { step.turns = {Share{.name = "1"}}; }));
  EXPECT_TRUE(empty([](Step& step) { step.valid = false; }));
}

}  // namespace
}  // namespace kneepoint::coordinator
