#include "coordinator/verdict/recommend.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "coordinator/verdict/saturation.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::known_step;

/// Saturates at 23; the limits hold up to `limit`.
ScenarioResult sample(std::optional<double> limit) {
  ScenarioResult result{.target = "host", .scenario = "chat"};
  for (const auto& [n, x] :
       {std::pair{1, 110.0}, {8, 830.0}, {16, 1577.0}, {22, 2090.0}, {24, 2250.0}, {48, 2280.0}})
    result.steps.push_back(known_step(static_cast<std::uint32_t>(n), x, 0.002));
  result.saturation.concurrency = 23;
  result.saturation.ci95 = Interval{22, 24};
  result.saturation.power_concurrency = 22;
  if (limit) result.slo.joint = SloCriterion{"joint", 0, *limit, Interval{*limit, *limit + 2}, "BRACKETED"};
  return result;
}

/// Copies: what is asked is often a temporary.
std::optional<Recommendation> find(const std::vector<Recommendation>& all, const std::string& name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  return found == all.end() ? std::nullopt : std::optional(*found);
}

const Target kHost{.name = "host", .urls = {"http://a"}};

TEST(Recommend, OperatingPointsWithinTheLimits) {
  const auto all = recommend(sample(16), kHost);
  ASSERT_TRUE(find(all, "interactive"));
  EXPECT_EQ(find(all, "interactive")->value, 16);
  EXPECT_EQ(find(all, "batch")->value, 24);
  EXPECT_NEAR(find(all, "headroom")->value, (1 - 16.0 / 23) * 100, 1e-9);
  EXPECT_EQ(find(all, "admission limit")->value, 16);
  EXPECT_EQ(find(all, "autoscaler threshold")->value, 12);
  EXPECT_FALSE(find(all, "capacity with one replica less"));
  EXPECT_FALSE(find(all, "output per GPU, batch"));
  EXPECT_FALSE(find(all, "cost, batch"));
}

TEST(Recommend, CapacityWithoutThePodThatHoldsMost) {
  ScenarioResult result = sample(16);
  for (Step& step : result.steps) {
    StepTelemetry told;
    told.page.state = "covered";
    for (const double held : {6.0, 5.0, 9.0}) {
      PodFigures pod{.name = std::to_string(told.pods.size())};
      pod.running_mean = held - 1;
      pod.waiting_mean = 1;
      told.pods.push_back(pod);
    }
    step.telemetry = told;
  }
  const auto left = find(recommend(result, kHost), "capacity with one pod less");
  ASSERT_TRUE(left);
  EXPECT_NEAR(left->value, 23 * 0.55, 1e-9);
  EXPECT_NEAR(left->ci95->low, 22 * 0.55, 1e-9);
  const Target three{.name = "host", .urls = {"http://a", "http://b", "http://c"}};
  EXPECT_FALSE(find(recommend(result, three), "capacity with one pod less")) << "these are replicas";
  for (Step& step : result.steps) step.telemetry->page.state = "partial";
  EXPECT_FALSE(find(recommend(result, kHost), "capacity with one pod less")) << "there are pods unseen";
}

TEST(Recommend, RanksOfAServerAreLostTogether) {
  ScenarioResult result = sample(16);
  const auto tell = [&](std::size_t servers) {
    StepTelemetry told;
    told.page.state = "covered";
    for (std::size_t i = 0; i < servers; ++i) {
      for (const double held : {6.0, 4.0}) {
        PodFigures rank{.name = std::to_string(i), .rank = told.pods.size() % 2};
        rank.running_mean = held;
        told.pods.push_back(rank);
      }
    }
    for (Step& step : result.steps) step.telemetry = told;
  };
  tell(1);
  EXPECT_FALSE(find(recommend(result, kHost), "capacity with one pod less")) << "without one rank it is gone";
  tell(4);
  const auto left = find(recommend(result, kHost), "capacity with one pod less");
  ASSERT_TRUE(left);
  EXPECT_NEAR(left->value, 23 * 0.75, 1e-9);
}

TEST(Recommend, InteractiveIsNeverPastSaturation) {
  const auto all = recommend(sample(48), kHost);
  EXPECT_EQ(find(all, "interactive")->value, 22);
  EXPECT_EQ(find(all, "admission limit")->value, 48);
}

TEST(Recommend, WithoutLimitsPowerAndTheEndOfTheInterval) {
  const auto all = recommend(sample(std::nullopt), kHost);
  EXPECT_EQ(find(all, "interactive")->value, 22);
  EXPECT_EQ(find(all, "admission limit")->value, 24);
}

TEST(Recommend, LimitsThatHoldNowhereGiveNoInteractivePoint) {
  ScenarioResult result = sample(16);
  result.slo.joint = SloCriterion{"joint", 0, std::nullopt, std::nullopt, "FAIL"};
  const auto all = recommend(result, kHost);
  EXPECT_FALSE(find(all, "interactive"));
  EXPECT_FALSE(find(all, "autoscaler threshold"));
  EXPECT_FALSE(find(all, "admission limit"));
  EXPECT_TRUE(find(all, "batch"));
}

/// Rows of an open loop share their max_in_flight; their load is the rate.
TEST(Recommend, RatesAreRates) {
  ScenarioResult result = sample(16);
  for (Step& step : result.steps) {
    step.offered_rate = step.concurrency;
    step.concurrency = 512;
  }
  const Target target{.name = "host", .urls = {"http://a"}, .gpus = 1};
  const auto all = recommend(result, target);
  EXPECT_EQ(find(all, "interactive")->value, 16);
  EXPECT_EQ(find(all, "batch")->value, 24);
  EXPECT_EQ(find(all, "output per GPU, batch")->basis, "2,250 tok/s at 24/s over 1 GPU");
  for (const Recommendation& each : all)
    EXPECT_EQ(each.unit.find("in flight"), std::string::npos) << each.name << ": " << each.unit;
  EXPECT_EQ(find(all, "admission limit")->unit, "requests per second");
  EXPECT_EQ(find(all, "interactive")->basis, "the highest rate that meets all limits together");
  EXPECT_EQ(find(all, "admission limit")->basis,
            "the last rate that meets all limits: what is admitted beyond breaks them");
  EXPECT_NEAR(find(all, "autoscaler threshold")->value, 12.8, 1e-9) << "rates are no whole numbers";
  result.slo.joint.reset();
  EXPECT_FALSE(find(recommend(result, target), "interactive")) << "the power of a rate has no peak";
}

/// What a server admits are requests, and an autoscaler sees them: sessions that think are neither.
TEST(Recommend, UsersAreNoRequestsInFlight) {
  for (const std::optional<double> limit : {std::optional(16.0), std::optional<double>()}) {
    ScenarioResult result = sample(limit);
    for (Step& step : result.steps) step.thinking = 0.8 * step.concurrency;
    const auto all = recommend(result, kHost);
    EXPECT_FALSE(find(all, "admission limit"));
    EXPECT_FALSE(find(all, "autoscaler threshold"));
    EXPECT_EQ(find(all, "batch")->unit, "sessions");
    EXPECT_EQ(find(all, "interactive").has_value(), limit.has_value()) << "power is of requests in flight";
    if (!limit) continue;
    EXPECT_EQ(find(all, "interactive")->unit, "sessions");
    EXPECT_EQ(find(all, "interactive")->basis,
              "the highest number of sessions that meets all limits together");
  }
}

TEST(Recommend, MoneyAndGpusPerReplica) {
  const Target target{.name = "host", .urls = {"http://a", "http://b"}, .gpus = 4, .cost_per_hour = 10};
  const auto all = recommend(sample(16), target);
  EXPECT_NEAR(find(all, "output per GPU, batch")->value, 2250.0 / 8, 1e-9);
  EXPECT_NEAR(find(all, "cost, batch")->value, 20 / (2250 * 3600.0) * 1e6, 1e-9);
  EXPECT_NEAR(find(all, "cost, interactive")->value, 20 / (1577 * 3600.0) * 1e6, 1e-9);
  EXPECT_LT(find(all, "cost, batch")->ci95->low, find(all, "cost, batch")->value);
  EXPECT_EQ(find(all, "autoscaler threshold")->value, 6);
}

TEST(Recommend, OneReplicaLessOnlyWhereTheyShareEvenly) {
  ScenarioResult result = sample(16);
  const Target target{.name = "host", .urls = {"http://a", "http://b"}};
  Step& row = result.steps[4];
  row.replicas = {{.name = "a", .output_tokens_per_second = 1100},
                  {.name = "b", .output_tokens_per_second = 1150}};
  const auto even = recommend(result, target);
  ASSERT_TRUE(find(even, "capacity with one replica less"));
  EXPECT_NEAR(find(even, "capacity with one replica less")->value, 11.5, 1e-9);
  EXPECT_NEAR(find(even, "capacity with one replica less")->ci95->high, 12, 1e-9);
  row.replicas[0].output_tokens_per_second = 700;
  EXPECT_FALSE(find(recommend(result, target), "capacity with one replica less"));
}

TEST(Recommend, NothingFromInvalidRows) {
  ScenarioResult result = sample(16);
  for (Step& step : result.steps) step.invalidate("CLIENT_BOUND", "");
  result.saturation = find_saturation(result.steps, {});
  result.slo = {};
  const Target target{.name = "host", .urls = {"http://a"}, .gpus = 1, .cost_per_hour = 10};
  EXPECT_TRUE(recommend(result, target).empty());
}

TEST(Recommend, LongPromptsMakeItALongContextPoint) {
  ScenarioResult result = sample(16);
  result.steps[2].prompt_tokens = PromptTokens{.asked_mean = 8192, .achieved_mean = 8190};
  const auto all = recommend(result, kHost);
  EXPECT_FALSE(find(all, "interactive"));
  EXPECT_EQ(find(all, "long context")->value, 16);
}

}  // namespace
}  // namespace kneepoint::coordinator
