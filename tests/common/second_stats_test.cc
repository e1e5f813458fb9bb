#include "common/second_stats.h"

#include <gtest/gtest.h>

#include "common/plan.h"

namespace kneepoint {
namespace {

using namespace std::chrono_literals;

SeriesStats sample(int k) {
  SeriesStats stats;
  stats.started = 3 * k;
  stats.outcomes[static_cast<std::size_t>(Outcome::kSuccess)] = 2 * k;
  stats.outcomes[static_cast<std::size_t>(Outcome::kTimeout)] = k;
  stats.outcomes[static_cast<std::size_t>(Outcome::kCancelled)] = 5;
  stats.reported_tokens = {static_cast<std::uint64_t>(k), 2};
  stats.slo.resize(k, SloCount{.met = 1, .missed = 2});
  stats.in_flight = 0.5 * k;
  stats.ttft.record(k * 10ms);
  return stats;
}

TEST(SeriesStats, MergingAddsEverything) {
  SeriesStats merged = sample(1);
  merged.merge(sample(2));
  EXPECT_EQ(merged.started, 9u);
  EXPECT_EQ(merged.completed(), 6u);
  EXPECT_EQ(merged.failed(), 3u);
  EXPECT_EQ(merged.ended(), 19u);
  EXPECT_EQ(merged.reported_tokens, (std::array<std::uint64_t, 2>{3, 4}));
  EXPECT_EQ(merged.slo, (std::vector<SloCount>{{2, 4}, {1, 2}}));
  EXPECT_DOUBLE_EQ(merged.in_flight, 1.5);
  EXPECT_EQ(merged.ttft.count(), 2u);
}

TEST(SeriesStats, MergeOrderDoesNotMatter) {
  SeriesStats ab = sample(1), ba = sample(2);
  ab.merge(sample(2));
  ba.merge(sample(1));
  EXPECT_EQ(ab, ba);
}

TEST(Failures, MergingAddsCountsAndKeepsAnExampleThatSaysSomething) {
  const FailureKey refused{Outcome::kRejected, 429}, broken{Outcome::kStream, 0};
  Failures silent, telling, later;
  *silent.of(refused) = {.count = 2, .said = "", .request_id = "a"};
  *telling.of(refused) = {.count = 3, .said = "too many", .request_id = "b"};
  *telling.of(broken) = {.count = 1, .said = "", .request_id = "c"};
  *later.of(refused) = {.count = 4, .said = "later", .request_id = "d"};
  silent.merge(telling);
  silent.merge(later);
  EXPECT_EQ(silent.all(),
            (std::map<FailureKey, FailureCount>{{refused, {9, "too many", "b"}}, {broken, {1, "", "c"}}}));
}

TEST(Failures, KindsBeyondTheSixteenthHaveNoPlace) {
  Failures failures, other;
  for (std::uint16_t status = 400; status < 416; ++status) {
    FailureCount* const place = failures.of({Outcome::kHttp4xx, status});
    ASSERT_NE(place, nullptr);
    place->count = 1;
  }
  EXPECT_EQ(failures.of({Outcome::kHttp4xx, 416}), nullptr);
  EXPECT_NE(failures.of({Outcome::kHttp4xx, 415}), nullptr);
  *other.of({Outcome::kHttp5xx, 500}) = {.count = 7};
  *other.of({Outcome::kHttp4xx, 400}) = {.count = 7};
  failures.merge(other);
  EXPECT_EQ(failures.all().size(), Failures::kMost);
  EXPECT_EQ(failures.of({Outcome::kHttp4xx, 400})->count, 8u);
}

TEST(GeneratorStats, MergingKeepsTheBusiestThread) {
  GeneratorStats a{.cpu_user = 0.2, .busiest_thread = 0.9}, b{.cpu_user = 0.3, .busiest_thread = 0.4};
  a.merge(b);
  EXPECT_DOUBLE_EQ(a.cpu_user, 0.5);
  EXPECT_DOUBLE_EQ(a.busiest_thread, 0.9);
}

TEST(Outcome, NamesAreTheExportedLabels) {
  std::vector<std::string_view> names;
  for (const Outcome outcome : kOutcomes) names.push_back(to_string(outcome));
  EXPECT_EQ(names,
            (std::vector<std::string_view>{"success", "rejected", "http_4xx", "http_5xx", "dns", "connect",
                                           "tls", "timeout", "stream", "parse", "cancelled", "error_at_200",
                                           "aborted", "empty", "truncated", "unread"}));
}

TEST(Plan, CellsAreNumberedScenarioByScenarioOverTheirTargets) {
  Plan plan;
  plan.targets = {{.name = "a"}, {.name = "b"}};
  plan.scenarios = {{.name = "all"}, {.name = "one", .targets = {"b"}}};
  const std::vector<Cell> cells = cells_of(plan);
  ASSERT_EQ(cells.size(), 3u);
  EXPECT_EQ(cells[1].target, 1u);
  EXPECT_EQ(cells[2].id, 2u);
  EXPECT_EQ(cells[2].scenario, 1u);
  EXPECT_EQ(cells[2].target, 1u);
}

TEST(SloLimit, NamesCarryTheQuantile) {
  EXPECT_EQ((SloLimit{.metric = SloMetric::kTtft, .quantile = 0.95}).name(), "ttft_p95");
  EXPECT_EQ((SloLimit{.metric = SloMetric::kTpot, .quantile = 0.999}).name(), "tpot_p99.9");
}

}  // namespace
}  // namespace kneepoint
