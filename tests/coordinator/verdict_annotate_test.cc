#include "coordinator/verdict/annotate.h"

#include <gtest/gtest.h>

#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::known_step;

/// Experiment B's shape: near-linear, then less, then flat.
std::vector<Step> published() {
  std::vector<Step> steps = {known_step(1, 1330), known_step(4, 4550), known_step(8, 7780),
                             known_step(16, 9420), known_step(32, 9780)};
  const std::vector<double> ttft = {0.38, 0.42, 0.51, 0.80, 1.34};
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i].ttft_seconds = {
        .count = 1000, .p50 = ttft[i], .p50_ci95 = Interval{ttft[i] * 0.98, ttft[i] * 1.02}};
    steps[i].e2e_seconds = {.count = 1000, .p50 = ttft[i] * 4};
    steps[i].waiting = 0.3 * steps[i].concurrency;
  }
  return steps;
}

TEST(Annotate, StatesFollowTheCurve) {
  auto steps = published();
  annotate(steps, {.concurrency = 15.0});
  EXPECT_EQ(steps[0].state, "");
  EXPECT_EQ(steps[1].state, "NEAR-LINEAR");
  EXPECT_EQ(steps[2].state, "DIMINISHING");  // ln(7780/4550)/ln 2 = 0.77
  EXPECT_EQ(steps[3].state, "SATURATED");
  EXPECT_EQ(steps[4].state, "SATURATED");
  EXPECT_EQ(steps[0].note, "lowest latency");
  EXPECT_EQ(steps[3].note, "saturated; queueing begins");
  EXPECT_EQ(steps[4].note, "saturated");
}

TEST(Annotate, ARowThatIsCorrectedSaysWhatItCountsAs) {
  auto steps = published();
  steps[1].speed = HostSpeed{.ratio = 0.8, .standard_error = 0.01};
  steps[2].speed = HostSpeed{.ratio = 1.001, .standard_error = 0.01};
  annotate(steps, {});
  EXPECT_NE(steps[1].note.find("host at 80 % of its usual speed: counts as 5,688 tok/s"), std::string::npos)
      << steps[1].note;
  EXPECT_EQ(steps[2].note.find("usual speed"), std::string::npos) << "nothing worth telling";
}

TEST(Annotate, QueueingNeedsWaitingRequestsToo) {
  auto steps = published();
  for (Step& step : steps) step.waiting = 0.04 * step.concurrency;
  annotate(steps, {});
  for (const Step& step : steps) EXPECT_FALSE(step.has_flag("QUEUEING BEGINS"));
}

TEST(Annotate, FirstMatchWins) {
  auto steps = published();
  steps[4].invalidate("CLIENT_BOUND", "late");
  steps[3].output_tokens_per_second.value = 6000;  // below 0.95 of 7,780
  steps.push_back(steps[3]);                       // one row is no evidence of a fall
  steps.push_back(steps[2]);
  annotate(steps, {.concurrency = 8.0});
  EXPECT_EQ(steps[4].state, "CLIENT_BOUND");
  EXPECT_EQ(steps[4].note, "INVALID client bound");
  EXPECT_EQ(steps[3].state, "COLLAPSING");
  EXPECT_EQ(steps[2].state, "SATURATED");
}

TEST(Annotate, ErrorsCollapseOnlyWhenTheyAreSure) {
  auto steps = published();
  steps[1].requests.failed = 1;
  steps[2].requests.failed = 50;
  annotate(steps, {});
  EXPECT_EQ(steps[1].state, "NEAR-LINEAR");
  EXPECT_EQ(steps[2].state, "COLLAPSING");
}

TEST(Annotate, InvalidRowsHaveNoStateAndSayWhy) {
  auto steps = published();
  steps[2].invalidate("INCOMPLETE", "not every agent delivered every second of it");
  steps[0].slo.push_back({.name = "ttft_p95", .state = "FAIL"});
  annotate(steps, {});
  EXPECT_EQ(steps[2].state, "");
  EXPECT_EQ(steps[2].note, "INVALID incomplete");
  EXPECT_EQ(steps[0].note, "lowest latency; misses ttft_p95");
}

TEST(Annotate, LowestLatencyIsTheLowestLoadsUnlessMoreIsSurelyFaster) {
  const auto marked = [](std::vector<Step> steps, const Saturation& saturation) {
    annotate(steps, saturation);
    std::vector<std::uint32_t> loads;
    for (const Step& step : steps) {
      if (step.has_flag("LOWEST LATENCY")) loads.push_back(step.concurrency);
    }
    return loads;
  };
  auto steps = published();
  const auto latency = [](double p50) {
    return LatencySummary{.count = 1000, .p50 = p50, .p50_ci95 = Interval{0.9 * p50, 1.1 * p50}};
  };
  for (Step& step : steps) step.e2e_seconds = latency(0.10);
  steps[1].e2e_seconds = latency(0.098);
  EXPECT_EQ(marked(steps, {.concurrency = 15.0}), std::vector<std::uint32_t>{1}) << "chance";
  steps[1].e2e_seconds = latency(0.05);
  EXPECT_EQ(marked(steps, {.concurrency = 15.0}), std::vector<std::uint32_t>{4});
  steps[4].e2e_seconds = latency(0.02);  // counted from the send, after a long wait for a slot
  EXPECT_EQ(marked(steps, {.concurrency = 15.0}), std::vector<std::uint32_t>{4}) << "it is saturated";
  steps[4].warn("RATE_NOT_REACHED", "");
  EXPECT_EQ(marked(steps, {}), std::vector<std::uint32_t>{4});
}

TEST(Annotate, ALoneRowIsNotMarkedLowest) {
  std::vector<Step> one = {published()[0]};
  annotate(one, {});
  EXPECT_EQ(one[0].note, "");
}

}  // namespace
}  // namespace kneepoint::coordinator
