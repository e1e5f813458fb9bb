#include "coordinator/telemetry/guard_rails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace kneepoint::coordinator {
namespace {

using testing::ElementsAre;
using testing::Optional;

TEST(GuardRails, StopsAboveTheLimitAndSaysWhy) {
  GuardRails rails({{.metric = "vllm:num_requests_waiting", .limit = 20}});
  EXPECT_EQ(rails.observe(1, {{"vllm:num_requests_waiting", "http://other:8000/metrics", 20}}), std::nullopt);
  EXPECT_THAT(
      rails.observe(2, {{"vllm:num_requests_waiting", "http://other:8000/metrics", 21}}),
      Optional(std::string("guard rail: vllm:num_requests_waiting of http://other:8000/metrics was 21 at "
                           "second 2, above the limit of 20")));
}

TEST(GuardRails, WaitsForReadingsInARowOfOneSource) {
  GuardRails rails({{.metric = "error_ratio", .limit = 0.05, .seconds = 3}});
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
  GuardRails rails({{.metric = "tokens", .limit = 100, .below = true, .source = "other"}});
  EXPECT_FALSE(rails.observe(1, {{"tokens", "mine", 5}}));
  EXPECT_FALSE(rails.observe(1, {{"tokens", "other:1", 100}}));
  EXPECT_TRUE(rails.observe(1, {{"tokens", "other:1", 99}}));
}

TEST(GuardRails, IgnoresOtherMetricsAndNonsense) {
  GuardRails rails({{.metric = "waiting", .limit = 1}});
  EXPECT_FALSE(rails.observe(1, {{"running", "a", 50}, {"waiting", "a", std::nan("")}}));
  EXPECT_FALSE(GuardRails({}).observe(1, {{"waiting", "a", 50}}));
}

TEST(GuardRails, ReadsGaugesAndWatchedMetricsOfASample) {
  TelemetrySample sample{3, "", "src", {{Signal::kWaiting, 4}, {Signal::kGenerationTokens, 1e6}}, {{"m", 2}}};
  const auto readings = guard_readings(sample);
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_EQ(readings[0].metric, "waiting");
  EXPECT_EQ(readings[0].value, 4);
  EXPECT_EQ(readings[1].metric, "m");
  EXPECT_EQ(readings[1].source, "src");
}

TEST(GuardRails, TellsWhatToScrape) {
  EXPECT_THAT(GuardRails({{.metric = "waiting"}, {.metric = "my_metric"}}).watched(),
              ElementsAre("my_metric"));
}

}  // namespace
}  // namespace kneepoint::coordinator
