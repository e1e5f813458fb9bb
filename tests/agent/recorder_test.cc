#include "agent/record/recorder.h"

#include <gtest/gtest.h>

#include <map>

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Chunk kAnswer{.answer = true};
constexpr Chunk kReasoning{.reasoning = true};

Chunk with_usage(Chunk chunk, std::uint64_t tokens) {
  chunk.completion_tokens = tokens;
  chunk.prompt_tokens = 10;
  return chunk;
}

/// A recorder whose zero is MonoTime's epoch plus an hour, fed with times since zero.
class RecorderTest : public ::testing::Test {
 protected:
  MonoTime at(Nanos since_zero) const { return zero_ + since_zero; }
  MonoTime ms(std::int64_t since_zero) const { return at(milliseconds(since_zero)); }

  void limits(std::vector<SloLimit> slo) { cells_[0].slo = std::move(slo); }
  void start(Nanos now = Nanos(0)) { recorder_.emplace(zero_, at(now), cells_); }

  /// Collects everything up to the second before `now`, adding to what was collected before.
  void collect(Nanos now) {
    recorder_->roll(at(now));
    DenseHistogram scratch;
    for (RecordedSecond& part : recorder_->take(recorder_->second_of(at(now)) - 1)) {
      const std::int64_t second = part.second;
      seconds_[second].merge(std::move(part).resolve(scratch));
    }
  }
  const SeriesStats& second(std::int64_t n) { return seconds_[n].series[key_]; }
  SeriesStats total() {
    SeriesStats sum;
    for (const auto& [n, snapshot] : seconds_) {
      for (const auto& [key, stats] : snapshot.series) sum.merge(stats);
    }
    return sum;
  }

  const MonoTime zero_{std::chrono::hours(1)};
  const SeriesKey key_{.cell = 0, .epoch = 3, .replica = 1, .prompt_class = 0, .turn = 0};
  std::vector<Cell> cells_ = std::vector<Cell>(1);
  std::optional<Recorder> recorder_;
  std::map<std::int64_t, SecondSnapshot> seconds_;
};

TEST_F(RecorderTest, AZeroThatMovesMakesNoSecondComeTwiceAndLosesNothing) {
  for (const Nanos move : {Nanos(milliseconds(1)) / 2, -Nanos(milliseconds(1)) / 2}) {
    seconds_.clear();
    start();
    RequestRecord r;
    recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
    MonoTime zero = zero_;
    std::int64_t last = -1;
    // A chunk every 10 ms around the ends of seconds, too: 250 µs before and behind.
    for (std::int64_t i = 1; i < 1000; ++i) {
      const MonoTime now = zero_ + milliseconds(10) * i + std::chrono::microseconds(i % 2 == 0 ? 250 : -250);
      recorder_->chunk(r, now, kAnswer);
      recorder_->roll(now);
      const std::int64_t second = recorder_->second_of(now);
      EXPECT_GE(second, last - (i % 100 == 0 ? 1 : 0))
          << "only within the half millisecond by which it moved";
      last = std::max(last, second);
      if (i % 100 == 50) recorder_->move_zero(zero += move);
      if (i % 100 == 60) collect(now - zero_);
    }
    recorder_->end(r, ms(9'995), Outcome::kSuccess);
    collect(seconds(12));
    EXPECT_EQ(total().chunks, 999u);
    std::int64_t n = 0;
    for (const auto& [second, snapshot] : seconds_) EXPECT_EQ(second, n++);
    EXPECT_NEAR(total().in_flight, 9.995, 0.006);
  }
}

TEST_F(RecorderTest, AStreamFromBeginToEnd) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(100) - milliseconds(2), .at = ms(100)});
  recorder_->chunk(r, ms(300), Chunk());  // role only
  recorder_->chunk(r, ms(400), kReasoning);
  recorder_->chunk(r, ms(600), kAnswer);
  recorder_->chunk(r, ms(1200), kAnswer);
  recorder_->chunk(r, ms(1300), with_usage(Chunk{.finished = true}, 5));
  recorder_->end(r, ms(1300), Outcome::kSuccess);
  collect(seconds(2));

  EXPECT_EQ(second(0).started, 1u);
  EXPECT_EQ(second(0).first_tokens, 1u);
  EXPECT_EQ(second(0).chunks, 2u);
  EXPECT_EQ(second(1).chunks, 1u);
  EXPECT_EQ(second(0).completed(), 0u);
  EXPECT_EQ(second(1).completed(), 1u);
  EXPECT_NEAR(second(0).ttft.max_seconds(), 0.3, 1e-9);
  EXPECT_NEAR(second(0).ttfo.max_seconds(), 0.5, 1e-9);
  EXPECT_NEAR(second(0).icl.max_seconds(), 0.2, 1e-9);
  EXPECT_NEAR(second(1).icl.max_seconds(), 0.6, 1e-9);
  EXPECT_NEAR(second(1).e2e.max_seconds(), 1.1, 1e-9) << "the usage event does not move the last token";
  EXPECT_NEAR(second(1).tpot.max_seconds(), 0.2, 1e-9) << "0.8 s over 5 - 1 tokens";
  EXPECT_EQ(second(0).unreported_chunks, (std::array<std::uint64_t, 2>{1, 1}));
  EXPECT_EQ(second(1).unreported_chunks, (std::array<std::uint64_t, 2>{1, 0}));
  EXPECT_EQ(second(1).usage_tokens, 5u);
  EXPECT_EQ(second(1).usage_chunks, 3u);
  EXPECT_EQ(second(1).prompt_tokens, 10u);
  EXPECT_NEAR(second(0).in_flight, 0.9, 1e-9);
  EXPECT_NEAR(second(1).in_flight, 0.3, 1e-9);
  EXPECT_NEAR(second(0).waiting, 0.3, 1e-9);
  EXPECT_NEAR(second(1).waiting, 0.0, 1e-9);
  EXPECT_NEAR(seconds_[0].generator.send_lag.max_seconds(), 0.002, 1e-9);
  EXPECT_EQ(r.series, nullptr);
}

TEST_F(RecorderTest, RunningUsageIsCountedWhereItArrives) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(400), with_usage(kAnswer, 1));
  recorder_->chunk(r, ms(900), with_usage(kAnswer, 4));
  recorder_->chunk(r, ms(1100), with_usage(kAnswer, 6));
  recorder_->chunk(r, ms(1900), with_usage(Chunk{.finished = true}, 7));
  recorder_->end(r, ms(1900), Outcome::kSuccess);
  collect(seconds(2));
  EXPECT_EQ(second(0).reported_tokens, (std::array<std::uint64_t, 2>{1, 3}));
  EXPECT_EQ(second(1).reported_tokens, (std::array<std::uint64_t, 2>{3, 0}))
      << "the rest belongs to the last chunk";
  EXPECT_EQ(total().unreported_chunks, (std::array<std::uint64_t, 2>{0, 0}));
  EXPECT_EQ(total().usage_tokens, 7u);
}

TEST_F(RecorderTest, WithoutUsageTokensAreChunks) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  for (int i = 1; i <= 5; ++i) recorder_->chunk(r, ms(100 * i), kAnswer);
  recorder_->end(r, ms(500), Outcome::kSuccess);
  collect(seconds(1));
  EXPECT_EQ(second(0).chunks_without_usage, 5u);
  EXPECT_NEAR(second(0).tpot.max_seconds(), 0.1, 1e-9);
  EXPECT_EQ(second(0).usage_chunks, 0u);
}

TEST_F(RecorderTest, OneTokenHasNoTpot) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(100), with_usage(kAnswer, 1));
  recorder_->end(r, ms(100), Outcome::kSuccess);
  collect(seconds(1));
  EXPECT_TRUE(second(0).tpot.empty());
  EXPECT_EQ(second(0).e2e.count(), 1u);
}

TEST_F(RecorderTest, IntegralsAreExactOverManySeconds) {
  start();
  RequestRecord a, b;
  recorder_->begin(a, {.key = key_, .scheduled = ms(250), .at = ms(250)});
  recorder_->begin(b, {.key = key_, .scheduled = ms(1500), .at = ms(1500)});
  collect(seconds(3));  // in the middle of both
  recorder_->end(a, ms(3100), Outcome::kTimeout);
  recorder_->end(b, ms(4900), Outcome::kTimeout);
  recorder_->begin_backoff(key_, ms(4900));
  recorder_->end_backoff(key_, ms(5200));
  collect(seconds(6));
  const double in_flight[] = {0.75, 1.5, 2, 1.1, 0.9, 0};
  const double backing_off[] = {0, 0, 0, 0, 0.1, 0.2};
  for (int n = 0; n < 6; ++n) {
    EXPECT_NEAR(second(n).in_flight, in_flight[n], 1e-9) << n;
    EXPECT_NEAR(second(n).waiting, in_flight[n], 1e-9) << n;
    EXPECT_NEAR(second(n).backing_off, backing_off[n], 1e-9) << n;
  }
  EXPECT_EQ(total().censored, 2u);
  EXPECT_EQ(recorder_->in_flight(), 0u);
  EXPECT_EQ(recorder_->backing_off(), 0u);
}

TEST_F(RecorderTest, EventsToldLateBelongToTheirSecond) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(500), .at = ms(500)});
  recorder_->roll(ms(1010));              // the second has ended but is not handed over
  recorder_->chunk(r, ms(990), kAnswer);  // a read that was under way
  collect(milliseconds(1100));
  EXPECT_EQ(second(0).chunks, 1u);
  EXPECT_EQ(second(0).ttft.count(), 1u);
  EXPECT_NEAR(second(0).waiting, 0.49, 1e-9);
  recorder_->chunk(r, ms(995), kAnswer);  // later still: an addition to a second handed over
  recorder_->end(r, ms(996), Outcome::kSuccess);
  collect(milliseconds(2000));
  EXPECT_EQ(second(0).chunks, 2u);
  EXPECT_EQ(second(0).completed(), 1u);
  EXPECT_EQ(second(0).icl.count(), 1u);
  EXPECT_NEAR(second(0).in_flight, 0.5, 1e-9) << "the integrals never go back";
  EXPECT_NEAR(second(1).in_flight, 0.0, 1e-9);
}

TEST_F(RecorderTest, RecordingBeginsInTheMiddleOfARun) {
  start(seconds(500));
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = at(milliseconds(500'200)), .at = at(milliseconds(500'200))});
  recorder_->end(r, at(milliseconds(500'300)), Outcome::kConnect);
  collect(seconds(501));
  EXPECT_EQ(seconds_.size(), 1u);
  EXPECT_EQ(second(500).failed(), 1u);
}

TEST_F(RecorderTest, TtftLimitIsMissedInTheSecondInWhichItPasses) {
  limits({{SloMetric::kTtft, 0.95, milliseconds(700)}});
  start();
  RequestRecord silent, late, good, failed;
  recorder_->begin(silent, {.key = key_, .scheduled = ms(100), .at = ms(100)});  // due at 800
  recorder_->begin(late, {.key = key_, .scheduled = ms(600), .at = ms(600)});    // due at 1300
  recorder_->begin(good, {.key = key_, .scheduled = ms(600), .at = ms(600)});
  recorder_->begin(failed, {.key = key_, .scheduled = ms(900), .at = ms(900)});  // due at 1600
  recorder_->chunk(good, ms(1300), kAnswer);                                     // just in time
  recorder_->end(failed, ms(1400), Outcome::kStream);
  collect(seconds(2));
  EXPECT_EQ(second(0).slo, (std::vector<SloCount>{{0, 1}})) << "silent";
  EXPECT_EQ(second(1).slo, (std::vector<SloCount>{{1, 2}})) << "good; late and failed";
  recorder_->chunk(late, ms(2500), kAnswer);
  recorder_->end(late, ms(2600), Outcome::kSuccess);
  recorder_->end(good, ms(2600), Outcome::kSuccess);
  recorder_->end(silent, ms(2700), Outcome::kTimeout);
  collect(seconds(3));
  EXPECT_EQ(total().slo, (std::vector<SloCount>{{1, 3}})) << "each is judged once";
  EXPECT_EQ(second(2).joint_good, 1u);
}

TEST_F(RecorderTest, LimitsThatAreJudgedAtTheEnd) {
  limits({{SloMetric::kTpot, 0.95, milliseconds(100)},
          {SloMetric::kIcl, 0.99, milliseconds(150)},
          {SloMetric::kE2e, 0.95, milliseconds(600)},
          {SloMetric::kTtfo, 0.95, milliseconds(250)}});
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(200), kReasoning);
  recorder_->chunk(r, ms(300), kAnswer);  // TTFO missed; TPOT so far 100 ms
  recorder_->chunk(r, ms(460), kAnswer);  // ICL missed
  recorder_->chunk(r, ms(500), kAnswer);
  recorder_->end(r, ms(500), Outcome::kSuccess);
  collect(seconds(1));
  EXPECT_EQ(second(0).slo, (std::vector<SloCount>{{1, 0}, {0, 1}, {1, 0}, {0, 1}}));
  EXPECT_EQ(second(0).joint_good, 0u);
}

TEST_F(RecorderTest, AllReasoningMissesTheAnswerLimitOnly) {
  limits({{SloMetric::kTtft, 0.95, milliseconds(250)}, {SloMetric::kTtfo, 0.95, milliseconds(5000)}});
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(200), kReasoning);
  recorder_->end(r, ms(400), Outcome::kSuccess);
  collect(seconds(1));
  EXPECT_EQ(second(0).slo, (std::vector<SloCount>{{1, 0}, {0, 1}}));
}

TEST_F(RecorderTest, FailureMissesEverythingAndCancellationNothing) {
  limits({{SloMetric::kTtft, 0.95, milliseconds(500)}, {SloMetric::kE2e, 0.95, seconds(9)}});
  start();
  RequestRecord rejected, cancelled;
  recorder_->begin(rejected, {.key = key_, .at = ms(0), .sent = false});
  recorder_->end(rejected, ms(10), Outcome::kRejected);
  recorder_->begin(cancelled, {.key = key_, .scheduled = ms(20), .at = ms(20)});
  recorder_->end(cancelled, ms(30), Outcome::kCancelled);
  collect(seconds(2));
  EXPECT_EQ(total().slo, (std::vector<SloCount>{{0, 1}, {0, 1}}));
  EXPECT_EQ(total().failed(), 1u);
  EXPECT_EQ(total().ended(), 2u);
}

TEST_F(RecorderTest, WithoutStreamingThereIsNoTtft) {
  cells_[0].workload.stream = false;
  cells_[0].workload.output_tokens = 64;
  limits({{SloMetric::kE2e, 0.95, milliseconds(500)}});
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(400), with_usage(kAnswer, 20));
  recorder_->end(r, ms(400), Outcome::kSuccess);
  collect(seconds(1));
  const SeriesStats& stats = second(0);
  EXPECT_TRUE(stats.ttft.empty() && stats.ttfo.empty() && stats.tpot.empty() && stats.icl.empty());
  EXPECT_EQ(stats.e2e.count(), 1u);
  EXPECT_EQ(stats.first_tokens, 0u);
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_EQ(stats.reported_tokens[0], 20u);
  EXPECT_EQ(stats.early_stops, 1u);
  EXPECT_EQ(stats.joint_good, 1u);
  EXPECT_EQ(stats.censored, 0u);
}

/// It is one chunk, and any number of tokens.
TEST_F(RecorderTest, AnAnswerThatComesWholeWithoutUsageHasNoKnownTokens) {
  cells_[0].workload.stream = false;
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(r, ms(400), kAnswer);
  recorder_->end(r, ms(400), Outcome::kSuccess);
  collect(seconds(1));
  const SeriesStats& stats = second(0);
  EXPECT_EQ(stats.completed(), 1u);
  EXPECT_EQ(stats.e2e.count(), 1u);
  EXPECT_EQ(stats.chunks, 1u);
  EXPECT_EQ(stats.unreported_chunks[0] + stats.unreported_chunks[1], 0u);
  EXPECT_EQ(stats.chunks_without_usage, 0u);
}

TEST_F(RecorderTest, ARestartMovesTheClockButNotThePresence) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->restart(r, ms(100));
  recorder_->chunk(r, ms(300), kAnswer);
  recorder_->end(r, ms(300), Outcome::kSuccess);
  collect(seconds(1));
  EXPECT_EQ(second(0).started, 1u);
  EXPECT_EQ(second(0).reconnects, 1u);
  EXPECT_NEAR(second(0).ttft.max_seconds(), 0.2, 1e-9);
  EXPECT_NEAR(second(0).in_flight, 0.3, 1e-9);
}

TEST_F(RecorderTest, MultiEventReadsAreBlamedOnTheClientWhenItsTurnWasLate) {
  start();
  const auto turn = [&](Nanos lag, std::uint32_t events, Nanos gap) {
    recorder_->read(ms(10), ms(10) + lag, true, events);
    recorder_->end_turn(gap);
  };
  turn(Nanos(0), 1, Nanos(0));
  turn(Nanos(0), 2, milliseconds(1));  // in time: the host or the network
  turn(milliseconds(2), 2, Nanos(0));  // its lag
  turn(Nanos(0), 1, milliseconds(3));  // a long turn …
  turn(Nanos(0), 3, Nanos(0));         // … delays the next poll
  turn(Nanos(0), 3, Nanos(0));
  recorder_->read(ms(10), ms(11), false, 1);
  collect(seconds(1));
  const GeneratorStats& generator = seconds_[0].generator;
  EXPECT_EQ(generator.multi_event_reads, 4u);
  EXPECT_EQ(generator.client_coalesced, 2u);
  EXPECT_EQ(generator.reads, 7u);
  EXPECT_EQ(generator.unstamped_reads, 1u);
  EXPECT_EQ(generator.rx_lag.count(), 6u) << "without a stamp the lag is not known";
  EXPECT_EQ(generator.loop_gap.count(), 6u);
}

TEST_F(RecorderTest, CpuBelongsToTheSecondThatItWasMeasuredIn) {
  start();
  RequestRecord r;
  recorder_->begin(r,
                   {.key = key_, .scheduled = ms(1001), .at = ms(1001)});  // rolls before the monitor reports
  recorder_->cost(0, {.user = 0.2, .system = 0.1, .thread = 0.25});
  collect(seconds(2));
  EXPECT_EQ(seconds_[0].generator.cpu_user, 0.2);
  EXPECT_EQ(seconds_[0].generator.busiest_thread, 0.25);
  EXPECT_EQ(seconds_[1].generator.cpu_user, 0);
}

TEST_F(RecorderTest, SeriesAreKeptApart) {
  start();
  SeriesKey other = key_;
  other.replica = 2;
  RequestRecord a, b;
  recorder_->begin(a, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  recorder_->begin(b, {.key = other, .scheduled = ms(0), .at = ms(0)});
  recorder_->chunk(a, ms(10), kAnswer);
  recorder_->chunk(b, ms(20), kAnswer);
  recorder_->chunk(b, ms(40), kAnswer);
  recorder_->chunk(a, ms(50), kAnswer);
  collect(seconds(1));
  EXPECT_NEAR(second(0).icl.max_seconds(), 0.04, 1e-9);
  EXPECT_NEAR(seconds_[0].series[other].icl.max_seconds(), 0.02, 1e-9);
}

TEST_F(RecorderTest, WhatFollowsTheHeadersIsTheNamedReplicas) {
  start();
  RequestRecord r;
  recorder_->begin(r, {.key = key_, .scheduled = ms(0), .at = ms(0)});
  const auto pod = recorder_->named("pod-1");
  ASSERT_TRUE(pod);
  recorder_->answered_by(r, ms(500), *pod, true);
  recorder_->chunk(r, ms(1000), kAnswer);
  recorder_->end(r, ms(1500), Outcome::kSuccess);
  collect(seconds(3));
  const SeriesStats& before = second(0);
  EXPECT_EQ(before.started, 1u);
  EXPECT_DOUBLE_EQ(before.in_flight, 0.5);
  SeriesKey key = key_;
  key.replica = *pod;
  SeriesStats after;
  for (auto& [n, snapshot] : seconds_) after.merge(snapshot.series[key]);
  EXPECT_EQ(after.started, 0u);
  EXPECT_EQ(after.completed(), 1u);
  EXPECT_EQ(after.first_tokens, 1u);
  EXPECT_EQ(after.replica_changes, 1u);
  EXPECT_DOUBLE_EQ(after.in_flight, 1);
  EXPECT_DOUBLE_EQ(after.waiting, 0.5);
  EXPECT_DOUBLE_EQ(total().waiting, 1);
  EXPECT_EQ(recorder_->replica_names().at(*pod), "pod-1");
}

TEST_F(RecorderTest, ReplicaNamesAreFewAndPrintable) {
  start();
  EXPECT_EQ(recorder_->replica_names().at(*recorder_->named("a\tb\xff")), "a?b?");
  for (int i = 0; i < 1000; ++i) recorder_->named("request-" + std::to_string(i));
  EXPECT_EQ(recorder_->replica_names().size(), 256u) << "it names requests, not replicas";
  EXPECT_EQ(recorder_->named("request-999"), std::nullopt);
}

TEST_F(RecorderTest, AClassWithLimitsOfItsOwnIsHeldAgainstThemOnly) {
  cells_[0].workload.classes = {{.name = "gold"}, {.name = "free"}};
  limits({{.metric = SloMetric::kTtft, .limit = milliseconds(500)},
          {.metric = SloMetric::kTtft, .limit = milliseconds(100), .prompt_class = "gold"}});
  start();
  for (std::uint32_t of = 0; of < 2; ++of) {
    SeriesKey key = key_;
    key.prompt_class = of;
    RequestRecord r;
    recorder_->begin(r, {.key = key, .scheduled = ms(0), .at = ms(0)});
    recorder_->chunk(r, ms(200), kAnswer);
    recorder_->end(r, ms(300), Outcome::kSuccess);
  }
  collect(seconds(1));
  EXPECT_EQ(total().slo, (std::vector<SloCount>{{1, 0}, {0, 1}}));
  EXPECT_EQ(total().joint_good, 1u) << "free's; gold's missed its own";
}

}  // namespace
}  // namespace kneepoint::agent
