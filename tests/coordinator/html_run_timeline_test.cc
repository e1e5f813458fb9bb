#include "coordinator/report/run_timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::Optional;

Plan plan() {
  Plan plan{.name = "p"};
  plan.targets = {{.name = "a"}, {.name = "b"}};
  plan.scenarios = {{.name = "chat"}};
  return plan;
}

/// `count` seconds of one agent from `first` on, filled by `fill(second, stats)` for cell 0.
template <class Fill>
Timeline timeline_of(std::int64_t first, std::int64_t count, Fill fill) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  SnapshotBatch batch{.complete_through = first + count - 1};
  for (std::int64_t second = first; second < first + count; ++second) {
    SecondSnapshot part{.second = second};
    fill(second, part.series[SeriesKey{.cell = 0}]);
    batch.seconds.push_back(std::move(part));
  }
  timeline.add(0, batch);
  return timeline;
}

TEST(RunTimeline, NothingMeasuredIsNoBins) {
  const Plan p = plan();
  EXPECT_EQ(build_run_timeline({}, p, cells_of(p)).bins(), 0u);
}

TEST(RunTimeline, CountsEachSecondOverAllSeries) {
  const Plan p = plan();
  Timeline timeline = timeline_of(3, 2, [](std::int64_t second, SeriesStats& stats) {
    stats.in_flight = 1.5;
    stats.outcomes[static_cast<std::size_t>(Outcome::kSuccess)] = static_cast<std::uint64_t>(second);
    stats.outcomes[static_cast<std::size_t>(Outcome::kTimeout)] = 1;
    stats.outcomes[static_cast<std::size_t>(Outcome::kCancelled)] = 7;
  });
  SecondSnapshot replica{.second = 4};
  replica.series[SeriesKey{.cell = 0, .replica = 1}].in_flight = 2;
  timeline.add(0, {.complete_through = 4, .seconds = {replica}});
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  EXPECT_EQ(run.begin, 3);
  EXPECT_THAT(run.in_flight, ElementsAre(Optional(1.5), Optional(3.5)));
  EXPECT_THAT(run.requests_per_second, ElementsAre(Optional(3.0), Optional(4.0)));
  EXPECT_THAT(run.failures_per_second, ElementsAre(Optional(1.0), Optional(1.0)));
  EXPECT_THAT(run.asked, ElementsAre(std::nullopt, std::nullopt));
}

TEST(RunTimeline, TokensFollowReportedUsageOrTheChunksOfCompletedRequests) {
  const Plan p = plan();
  const Timeline timeline = timeline_of(0, 2, [](std::int64_t second, SeriesStats& stats) {
    stats.reported_tokens = {10, 5};
    stats.unreported_chunks = {4, 4};
    if (second == 1) stats.usage_tokens = 30, stats.usage_chunks = 10;  // three tokens in each chunk
  });
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  EXPECT_THAT(run.output_tokens_per_second, ElementsAre(Optional(39.0), Optional(39.0)));
}

TEST(RunTimeline, ASecondNobodyReportedIsAGapNotZero) {
  const Plan p = plan();
  Timeline timeline = timeline_of(0, 1, [](std::int64_t, SeriesStats& stats) { stats.in_flight = 1; });
  SecondSnapshot later{.second = 2};
  later.series[SeriesKey{.cell = 1}].in_flight = 2;
  timeline.add(0, {.complete_through = 2, .seconds = {later}});
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  EXPECT_THAT(run.in_flight, ElementsAre(Optional(1.0), std::nullopt, Optional(2.0)));
  ASSERT_EQ(run.spans.size(), 2u);
  EXPECT_EQ(run.spans[1].target, "b");
  EXPECT_EQ(run.spans[1].begin, 2);
  EXPECT_EQ(run.spans[1].end, 3);
}

TEST(RunTimeline, TtftPercentilesAreThoseOfTheSecondAndP95NeedsTwenty) {
  const Plan p = plan();
  const Timeline timeline = timeline_of(0, 2, [](std::int64_t second, SeriesStats& stats) {
    const int count = second == 0 ? 19 : 20;
    for (int i = 1; i <= count; ++i) stats.ttft.record(i * 10ms);
  });
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  EXPECT_NEAR(run.ttft_p50[0].value(), 0.100, 0.0004);
  EXPECT_EQ(run.ttft_p95[0], std::nullopt);
  EXPECT_NEAR(run.ttft_p95[1].value(), 0.190, 0.0008);
}

TEST(RunTimeline, ALongRunIsBinnedWithoutLosingAnything) {
  const Plan p = plan();
  constexpr std::int64_t kSeconds = 4000;
  const Timeline timeline = timeline_of(0, kSeconds, [](std::int64_t second, SeriesStats& stats) {
    stats.in_flight = 8;
    stats.reported_tokens = {static_cast<std::uint64_t>(second % 7), 0};
    stats.ttft.record(second % 3 == 0 ? 300ms : 100ms);
  });
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  EXPECT_EQ(run.bin_seconds, 3);
  EXPECT_EQ(run.bins(), 1334u);
  EXPECT_LE(run.bins(), RunTimeline::kMaxBins);
  double tokens = 0;
  for (std::size_t i = 0; i < run.bins(); ++i) {
    const double seconds = i + 1 < run.bins() ? 3 : 1;
    tokens += run.output_tokens_per_second[i].value() * seconds;
    EXPECT_EQ(run.in_flight[i], 8);
  }
  double expected = 0;
  for (std::int64_t second = 0; second < kSeconds; ++second) expected += static_cast<double>(second % 7);
  EXPECT_NEAR(tokens, expected, 1e-6);
  EXPECT_NEAR(run.ttft_p50[0].value(), 0.1, 0.0004);  // of the bin's three requests, not a mean of medians
}

TEST(RunTimeline, LatenciesAreSpreadOverTimeAndSize) {
  Plan p = plan();
  p.targets[0].gpus = 2;
  p.targets[0].urls = {"http://a", "http://b"};
  const Timeline timeline = timeline_of(5, 240, [](std::int64_t second, SeriesStats& stats) {
    if (second >= 7) return;
    stats.ttft.record(100us, 999);
    stats.ttft.record(1600us);  // four octaves above
  });
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p));
  ASSERT_EQ(run.spans.size(), 1u);
  const TimelineSpan& span = run.spans[0];
  EXPECT_EQ(span.gpus, 4);
  EXPECT_EQ(span.column_seconds, 2);
  ASSERT_EQ(span.ttft.columns.size(), 120u);
  const LatencyHeat::Column& first = span.ttft.columns[0];
  EXPECT_EQ(first.first, 0u);
  ASSERT_EQ(first.shares.size(), 17u);
  EXPECT_EQ(first.shares[0], 999u);
  EXPECT_EQ(first.shares[16], 1u) << "what happened once is seen";
  EXPECT_TRUE(span.ttft.columns[1].shares.empty());
  EXPECT_TRUE(span.ttft.any());
  EXPECT_FALSE(span.icl.any());
}

TEST(RunTimeline, AskedIsTheLevelInForce) {
  const Plan p = plan();
  const Timeline timeline = timeline_of(0, 6, [](std::int64_t, SeriesStats& stats) { stats.in_flight = 1; });
  const std::vector<StepWindow> windows = {
      {.cell = 0, .concurrency = 2, .level_at = 1s, .begin = 2, .end = 3},
      {.cell = 0, .concurrency = 8, .level_at = 3s, .begin = 4, .end = 5}};
  const RunTimeline run = build_run_timeline(timeline, p, cells_of(p), windows);
  EXPECT_THAT(run.asked, ElementsAre(std::nullopt, Optional(2.0), Optional(2.0), Optional(8.0), Optional(8.0),
                                     std::nullopt));
}

TEST(RunTimeline, TelemetryIsAveragedIntoBinsAndKeepsItsGaps) {
  const Plan p = plan();
  RunTimeline run = build_run_timeline(timeline_of(10, 3, [](std::int64_t, SeriesStats&) {}), p, cells_of(p));
  const std::vector<TimelineSample> samples = {{9.9, 100}, {10.2, 2}, {10.8, 4}, {12.5, 7}, {13.0, 100}};
  add_telemetry(run, "waiting", "requests", samples);
  ASSERT_EQ(run.telemetry.size(), 1u);
  EXPECT_EQ(run.telemetry[0].unit, "requests");
  EXPECT_THAT(run.telemetry[0].values, ElementsAre(Optional(3.0), std::nullopt, Optional(7.0)));
}

/// Twenty requests a second for `seconds` seconds; of the i-th second the 19th waits 1 s and i ms, the others
/// 10 ms.
Timeline timeline_of_requests(std::int64_t seconds) {
  Timeline timeline = timeline_of(0, seconds, [](std::int64_t, SeriesStats& stats) { stats.in_flight = 1; });
  for (std::int64_t second = 0; second < seconds; ++second) {
    SecondSnapshot part{.second = second};
    for (std::uint32_t slot = 0; slot < 20; ++slot) {
      const Nanos sent = second * 1s + slot * 50ms;
      part.requests.push_back({.key = {.cell = 0, .epoch = 3},
                               .slot = slot,
                               .k = static_cast<std::uint64_t>(second),
                               .sent = sent,
                               .first = sent + (slot == 19 ? 1000ms + second * 1ms : 10ms)});
    }
    timeline.add(0, {.complete_through = second, .seconds = {part}});
  }
  return timeline;
}

TEST(RunTimeline, WithRecordsRequestsAreShownByLotAndTheSlowest) {
  const Plan p = plan();
  const RunTimeline run = build_run_timeline(timeline_of_requests(2), p, cells_of(p));
  const auto& requests = run.spans.at(0).requests;
  EXPECT_EQ(std::count_if(requests.begin(), requests.end(), [](const auto& r) { return r.drawn; }), 10)
      << "five of each second";
  EXPECT_TRUE(std::is_sorted(requests.begin(), requests.end(),
                             [](const auto& a, const auto& b) { return a.sent < b.sent; }));
  const auto slowest = std::max_element(requests.begin(), requests.end(),
                                        [](const auto& a, const auto& b) { return a.ttft < b.ttft; });
  EXPECT_NEAR(slowest->ttft, 1.001, 1e-9);
  EXPECT_NEAR(slowest->sent, 1.95, 1e-9);
  EXPECT_EQ(slowest->id, "-0-3-19-1") << "as request_id() has it, behind the run";
}

TEST(RunTimeline, AHundredThousandRequestsAreAsManyDotsAsAPictureHolds) {
  const Plan p = plan();
  const RunTimeline run = build_run_timeline(timeline_of_requests(5000), p, cells_of(p));
  const auto& requests = run.spans.at(0).requests;
  EXPECT_EQ(requests.size(), TimelineSpan::kMaxDrawn + TimelineSpan::kMaxSlow);
  EXPECT_TRUE(std::any_of(requests.begin(), requests.end(), [](const auto& r) { return r.ttft > 5.99; }))
      << "the slowest of all is among them";
}

TEST(RunTimeline, WithoutRecordsNoRequestIsShown) {
  const Plan p = plan();
  const Timeline timeline = timeline_of(0, 3, [](std::int64_t, SeriesStats& stats) { stats.in_flight = 1; });
  EXPECT_TRUE(build_run_timeline(timeline, p, cells_of(p)).spans.at(0).requests.empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
