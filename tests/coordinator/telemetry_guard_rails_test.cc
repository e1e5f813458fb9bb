#include "coordinator/telemetry/guard_rails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "coordinator/telemetry/endpoints.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

TEST(GuardRails, StopsAboveTheLimitAndSaysWhy) {
  GuardRails rails({{.metric = "vllm:num_requests_waiting", .limit = 20, .source = ""}});
  EXPECT_EQ(rails.observe(1, {{"vllm:num_requests_waiting", "http://other:8000/metrics", 20}}), std::nullopt);
  EXPECT_THAT(
      rails.observe(2, {{"vllm:num_requests_waiting", "http://other:8000/metrics", 21}}),
      Optional(std::string("guard rail: vllm:num_requests_waiting of http://other:8000/metrics was 21 at "
                           "second 2, above the limit of 20")));
}

TEST(GuardRails, WaitsForReadingsInARowOfOneSource) {
  GuardRails rails({{.metric = "error_ratio", .limit = 0.05, .source = "", .seconds = 3}});
  const auto observe = [&](int second, double a, double b) {
    return rails.observe(second, {{"error_ratio", "a", a}, {"error_ratio", "b", b}});
  };
  EXPECT_FALSE(observe(1, 0.1, 0.0));
  EXPECT_FALSE(observe(2, 0.1, 0.1));
  EXPECT_FALSE(observe(3, 0.0, 0.1)) << "a recovered";
  const auto reason = observe(4, 0.1, 0.2);
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, testing::HasSubstr("error_ratio of b was 0.2 at second 4"));
  EXPECT_THAT(*reason, testing::HasSubstr("3 times in a row"));
}

TEST(GuardRails, WatchesFloorsAndChosenSources) {
  GuardRails rails({{.metric = "tokens", .limit = 100, .below = true, .source = "http://other/metrics"}});
  EXPECT_FALSE(rails.observe(1, {{"tokens", "http://mine/metrics", 5}}));
  EXPECT_FALSE(rails.observe(1, {{"tokens", "http://other/metrics", 100, true}}));
  EXPECT_TRUE(rails.observe(1, {{"tokens", "http://other/metrics", 99, true}}));
}

TEST(GuardRails, OthersAreNotTheTargetsUnlessNamed) {
  GuardRails rails({{.metric = "waiting", .limit = 3, .source = ""}});
  TelemetrySample sample{1, kGuardedElsewhere, "http://other/metrics", {{Signal::kWaiting, 50}}, {}};
  EXPECT_FALSE(rails.observe(sample));
  sample.target = "host";
  EXPECT_TRUE(rails.observe(sample));
}

TEST(GuardRails, OfAHistogramTheMeanSinceTheLastReadingCounts) {
  GuardRails rails({{.metric = "latency_seconds", .limit = 2, .source = ""}});
  const auto observe = [&](int second, double sum, double count) {
    return rails.observe(TelemetrySample{
        second, "host", "src", {}, {{"latency_seconds_sum", sum}, {"latency_seconds_count", count}}});
  };
  EXPECT_FALSE(observe(1, 1000, 10)) << "what was before the run";
  EXPECT_FALSE(observe(2, 1010, 20)) << "1 s each";
  EXPECT_FALSE(observe(3, 1010, 20)) << "nothing ended";
  EXPECT_FALSE(observe(4, 5, 1)) << "the server began anew";
  const auto reason = observe(5, 35, 11);
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, testing::HasSubstr("latency_seconds of src was 3 at second 5, above the limit of 2"));
}

TEST(GuardRails, IgnoresOtherMetricsAndNonsense) {
  GuardRails rails({{.metric = "waiting", .limit = 1, .source = ""}});
  EXPECT_FALSE(rails.observe(1, {{"running", "a", 50}, {"waiting", "a", std::nan("")}}));
  EXPECT_FALSE(GuardRails({}).observe(1, {{"waiting", "a", 50}}));
}

TEST(GuardRails, ReadsGaugesAndWatchedMetricsOfASample) {
  const TelemetrySample sample{
      3, "host", "src", {{Signal::kWaiting, 4}, {Signal::kGenerationTokens, 1e6}}, {{"m", 2}}};
  const auto stops = [&](const char* metric, double limit) {
    return GuardRails({{.metric = metric, .limit = limit, .source = ""}}).observe(sample).has_value();
  };
  EXPECT_TRUE(stops("waiting", 3));
  EXPECT_TRUE(stops("m", 1));
  EXPECT_FALSE(stops("m", 2));
  EXPECT_FALSE(stops("generation_tokens_total", 1)) << "a counter tells the uptime";
}

TEST(GuardRails, NamesOnceWhatNothingHasToldOf) {
  GuardRails rails({{.metric = "vllm:num_request_waiting", .source = ""},
                    {.metric = "vllm:num_requests_running", .source = "http://other/metrics"},
                    {.metric = "waiting", .limit = 100, .source = ""},
                    {.metric = "latency_seconds", .limit = 100, .source = ""},
                    {.metric = "error_ratio", .limit = 1, .source = ""}});
  // What another host says is no target's word, and a histogram without a value is there all the same.
  rails.observe(TelemetrySample{1, kGuardedElsewhere, "http://o", {}, {{"vllm:num_request_waiting", 1}}});
  rails.observe(TelemetrySample{
      1,
      "host",
      "http://mine/metrics",
      {{Signal::kWaiting, 4}},
      {{"vllm:num_requests_running", 1}, {"latency_seconds_sum", 0}, {"latency_seconds_count", 0}}});
  EXPECT_THAT(rails.unheard(9), testing::IsEmpty());
  EXPECT_THAT(rails.unheard(10),
              ElementsAre("Guard rail vllm:num_request_waiting: no target named it in the first 10 s, so it "
                          "stops nothing for now; check the name.",
                          "Guard rail vllm:num_requests_running: http://other/metrics did not name it in the "
                          "first 10 s, so it stops nothing for now; check the name."));
  EXPECT_THAT(rails.unheard(11), testing::IsEmpty());
}

TEST(GuardRails, TellsWhatToScrape) {
  EXPECT_THAT(GuardRails({{.metric = "waiting", .source = ""},
                          {.metric = "ttft_p95", .source = ""},
                          {.metric = "mine", .source = ""}})
                  .watched(),
              ElementsAre("mine", "mine_count", "mine_sum"));
}

}  // namespace
}  // namespace kneepoint::coordinator
