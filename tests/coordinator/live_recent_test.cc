#include "coordinator/live/recent.h"

#include <gtest/gtest.h>

#include "coordinator/live/token_estimate.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kSuccess = static_cast<std::size_t>(Outcome::kSuccess);

/// `seconds` seconds from 0 of one cell, all alike.
SnapshotBatch recent_batch(std::uint32_t cell, std::int64_t seconds, const SeriesStats& each) {
  SnapshotBatch batch;
  for (std::int64_t second = 0; second < seconds; ++second) {
    SecondSnapshot snapshot;
    snapshot.second = second;
    snapshot.series[SeriesKey{cell}] = each;
    batch.seconds.push_back(snapshot);
  }
  batch.complete_through = seconds - 1;
  return batch;
}

TEST(RecentRates, AreAbsentUntilASecondIsComplete) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  EXPECT_FALSE(recent_rates(timeline, 0, 5).tokens_per_second);
  EXPECT_FALSE(recent_rates(timeline, 0, 5).requests_per_second);
}

TEST(RecentRates, CoverTheLastCompleteSecondsOfOneCell) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SeriesStats early;
  early.outcomes[kSuccess] = 100;
  early.reported_tokens = {1000, 1000};
  timeline.add(0, recent_batch(0, 4, early));
  SeriesStats other;
  other.outcomes[kSuccess] = 7;
  timeline.add(0, recent_batch(1, 8, other));

  // Seconds 3 to 7: one busy second of cell 0, four without any of it.
  const RecentRates rates = recent_rates(timeline, 0, 5);
  EXPECT_DOUBLE_EQ(*rates.requests_per_second, 20);
  EXPECT_DOUBLE_EQ(*rates.tokens_per_second, 400);
  EXPECT_DOUBLE_EQ(*recent_rates(timeline, 1, 5).requests_per_second, 7);
}

TEST(RecentRates, EstimateTokensFromChunks) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SeriesStats stats;
  stats.unreported_chunks = {10, 10};
  stats.usage_tokens = 30;
  stats.usage_chunks = 20;
  timeline.add(0, recent_batch(0, 2, stats));
  EXPECT_DOUBLE_EQ(*recent_rates(timeline, 0, 5).tokens_per_second, 30);
}

TEST(TokenEstimate, EndsAtTheReportsTotal) {
  TokenEstimate estimate;
  SeriesStats running;
  running.unreported_chunks = {40, 60};
  estimate.add(running);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 100);  // no ratio known yet

  SeriesStats ended;  // 80 of the chunks end with usage, 20 without (a failed request)
  ended.usage_tokens = 120;
  ended.usage_chunks = 80;
  estimate.add(ended);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 120 + 20 * 1.5);
  SeriesStats failed;
  failed.chunks_without_usage = 20;
  estimate.add(failed);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 120 + 20 * 1.5);  // as report.json: Σ usage + chunks without it × 1.5
}

TEST(TokenEstimate, TakesRunningUsageAsReported) {
  TokenEstimate estimate;
  SeriesStats stats;
  stats.reported_tokens = {5, 6};
  stats.chunks = 3;
  estimate.add(stats);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 11);
  SeriesStats ended;
  ended.usage_tokens = 11;
  ended.usage_chunks = 3;
  estimate.add(ended);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 11);
}

TEST(TokenEstimate, CountsAnswersThatAreNotStreamed) {
  TokenEstimate estimate;
  SeriesStats stats;
  stats.usage_tokens = 64;
  estimate.add(stats);
  EXPECT_DOUBLE_EQ(estimate.tokens(), 64);
}

}  // namespace
}  // namespace kneepoint::coordinator
