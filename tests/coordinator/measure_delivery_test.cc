#include "coordinator/measure/delivery.h"

#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

SeriesStats answers(std::uint64_t one_piece, std::uint64_t of) {
  SeriesStats s;
  s.witnesses.long_answers = of;
  s.witnesses.one_piece_answers = one_piece;
  return s;
}

TEST(Delivery, AnswersInOnePieceAreBuffered) {
  EXPECT_TRUE(buffered(answers(17, 17)));
  EXPECT_TRUE(buffered(answers(3, 3)));
  EXPECT_TRUE(buffered(answers(30, 60))) << "one of two replicas";
  EXPECT_FALSE(buffered(answers(1, 1))) << "chance";
  EXPECT_FALSE(buffered(answers(12, 60))) << "a stall now and then";
  EXPECT_FALSE(buffered(answers(0, 0))) << "short answers, or none that stream";
}

TEST(Delivery, FirstChunksThatNothingFollowsForLong) {
  SeriesStats window = answers(0, 93);
  EXPECT_FALSE(early_first(window));
  window.witnesses.early_firsts = 90;
  window.witnesses.early_first_micros = 90 * 1'350'000;
  ASSERT_TRUE(early_first(window));
  EXPECT_NEAR(early_first(window)->ratio, 90.0 / 93, 1e-9);
  EXPECT_NEAR(early_first(window)->gap, 1.35, 1e-9);
  window.witnesses.early_firsts = 20;
  EXPECT_FALSE(early_first(window)) << "a stall now and then";
}

Step timed_row(std::uint64_t gaps, std::optional<double> events) {
  Step step;
  step.requests.completed = 6;
  step.tpot_seconds = {.count = 6, .p50 = 0.012};
  step.icl_seconds.count = gaps;
  if (!events) return step;
  step.delivery = {.flush_seconds = 0.5, .events_per_flush = events};
  step.tpot_seconds = {};
  step.warn("FLUSHED", "in bundles");
  step.warn("TPOT_UNKNOWN", "blurred");
  return step;
}

TEST(Delivery, RowsWithTooFewFlushesToShowThemAreAsTheOthersAre) {
  std::vector<Step> steps = {timed_row(137, {}), timed_row(5000, {}), timed_row(900, 36)}, after;
  settle_flushes(steps, after);
  EXPECT_FALSE(steps[0].tpot_seconds.p50);
  EXPECT_TRUE(steps[0].has_flag("TPOT_UNKNOWN"));
  EXPECT_TRUE(steps[1].tpot_seconds.p50) << "it would have shown";
  std::vector<Step> most = {timed_row(137, {}), timed_row(137, {}), timed_row(137, {}), timed_row(900, 36)};
  settle_flushes(most, after);
  EXPECT_TRUE(most[0].tpot_seconds.p50) << "one row of four";
}

/// `n` answers whose chunks come `together` at a time every `period`.
SeriesStats flushed(int together, Nanos period, int n = 100, Nanos within = Nanos(0)) {
  SeriesStats s = answers(0, 10);
  s.icl.record(period, static_cast<std::uint64_t>(n));
  if (together > 1) s.icl.record(within, static_cast<std::uint64_t>(n * (together - 1)));
  return s;
}

TEST(Delivery, ChunksThatAreFlushedOnATimerAreNamedWithItsPeriod) {
  const Delivery d = delivery_of(flushed(10, milliseconds(100)));
  ASSERT_TRUE(d.flush_seconds);
  EXPECT_NEAR(*d.flush_seconds, 0.1, 0.001);
  EXPECT_NEAR(*d.events_per_flush, 10, 0.2);
  EXPECT_TRUE(delivery_of(flushed(5, milliseconds(100))).flush_seconds);
  EXPECT_TRUE(delivery_of(flushed(25, milliseconds(500))).flush_seconds);
  EXPECT_TRUE(delivery_of(flushed(10, milliseconds(100), 100, microseconds(40))).flush_seconds)
      << "a flush of several reads";
}

/// Answers of half a second through a flush every 200 ms: two whole periods, and what is left at the end.
TEST(Delivery, ShortAnswersAreFlushedToo) {
  SeriesStats s = flushed(10, milliseconds(200), 100);
  s.outcomes[static_cast<std::size_t>(Outcome::kSuccess)] = 50;
  for (int i = 0; i < 50; ++i) s.icl.record(milliseconds(4 * i), 1);
  const Delivery d = delivery_of(s);
  ASSERT_TRUE(d.flush_seconds);
  EXPECT_NEAR(*d.flush_seconds, 0.2, 0.002);
  s.outcomes[static_cast<std::size_t>(Outcome::kSuccess)] = 2;
  EXPECT_FALSE(delivery_of(s).flush_seconds) << "more odd gaps than answers end";
}

/// `fast` answers whose chunks are 5 µs apart among those of a host, and `kept_back` that a gateway buffered.
TEST(Delivery, AnswersOutOfACacheComeWholeAtOnce) {
  const auto at_once = [](std::uint64_t fast, std::uint64_t slow, std::uint64_t kept_back,
                          std::uint64_t brief) {
    SeriesStats s = answers(kept_back, fast + slow + kept_back);
    s.tpot.record(microseconds(5), fast + kept_back + brief);
    s.tpot.record(milliseconds(20), slow);
    return delivery_of(s).at_once_ratio;
  };
  EXPECT_NEAR(at_once(50, 50, 0, 0).value_or(0), 0.5, 0.01);
  EXPECT_NEAR(at_once(100, 0, 0, 0).value_or(0), 1, 0.01);
  EXPECT_FALSE(at_once(0, 100, 0, 0));
  EXPECT_FALSE(at_once(2, 100, 0, 0)) << "chance";
  EXPECT_FALSE(at_once(0, 50, 50, 0)) << "a gateway kept them back";
  EXPECT_FALSE(at_once(0, 0, 0, 100)) << "a speculative step of a few tokens";
}

TEST(Delivery, WhatAHostDoesByItselfIsNoFlush) {
  EXPECT_FALSE(delivery_of(flushed(1, milliseconds(100))).flush_seconds) << "a host that ticks slowly";
  EXPECT_FALSE(delivery_of(flushed(4, milliseconds(40))).flush_seconds) << "speculative steps";
  EXPECT_FALSE(delivery_of(flushed(10, milliseconds(100), 10)).flush_seconds) << "too few to tell";
  SeriesStats stall = flushed(1, milliseconds(10), 1000);  // preemption: nothing, then what gathered
  stall.icl.record(milliseconds(800), 20);
  stall.icl.record(Nanos(0), 800);
  EXPECT_FALSE(delivery_of(stall).flush_seconds);
  SeriesStats steps = flushed(1, milliseconds(10), 500);  // of one to six tokens: what the draft was worth
  steps.icl.record(Nanos(0), 1500);
  EXPECT_FALSE(delivery_of(steps).flush_seconds);
}

/// 8 s, `served` requests of 0.6 s with a TTFT of 20 ms, and `stuck` that wait throughout.
SeriesStats held(int served, double stuck, Nanos ttft = milliseconds(20)) {
  SeriesStats s;
  s.ttft.record(ttft, static_cast<std::uint64_t>(served * 13));
  s.waiting = s.ttft.sum_seconds() + stuck * 8;
  s.in_flight = (served + stuck) * 8;
  return s;
}

TEST(Delivery, RequestsWithoutAnyAnswerHang) {
  EXPECT_NEAR(hanging(held(24, 40), 8).value_or(0), 40, 1e-9);
  EXPECT_NEAR(hanging(held(24, 1), 8).value_or(0), 1, 1e-9);
  EXPECT_FALSE(hanging(held(24, 0.2), 8)) << "edges";
  EXPECT_FALSE(hanging(held(24, 0), 8));
  EXPECT_FALSE(hanging(held(24, 40, std::chrono::seconds(3)), 8)) << "a queue, as far as 8 s can tell";
  EXPECT_FALSE(hanging(SeriesStats(), 8)) << "nobody is served: slow, or gone, and not told apart";
}

WindowCut cut_of(std::vector<double> in_flight) {
  WindowCut cut;
  for (const double n : in_flight) cut.seconds.push_back({.in_flight = n});
  return cut;
}

TEST(Delivery, RequestsThatFailedHaveWaitedAndDoNotHang) {
  SeriesStats failing = held(24, 12);
  failing.e2e.record(milliseconds(1300), 100);
  failing.outcomes[static_cast<std::size_t>(Outcome::kEmpty)] = 75;  // each after 1.3 s, of 12 · 8 s
  EXPECT_FALSE(hanging(failing, 8));
  failing.outcomes[static_cast<std::size_t>(Outcome::kEmpty)] = 0;
  failing.outcomes[static_cast<std::size_t>(Outcome::kRejected)] = 5000;  // at once
  EXPECT_TRUE(hanging(failing, 8));
}

TEST(Delivery, SlotsThatAreNowhereWaitForAConnection) {
  EXPECT_NEAR(unconnected(cut_of({24, 24, 24}), 64, 1).value_or(0), 40, 1e-9);
  EXPECT_NEAR(unconnected(cut_of({240, 240}), 64, 10).value_or(0), 40, 1e-9) << "seconds that were folded";
  EXPECT_FALSE(unconnected(cut_of({24, 40, 64}), 64, 1)) << "they only start";
  WindowCut slow = cut_of({54, 54});  // a connection for each request, which takes its time
  slow.generator.connect.record(milliseconds(200), 100);
  EXPECT_FALSE(unconnected(slow, 64, 1));
  WindowCut late = cut_of({54, 54});  // a generator without time
  late.generator.send_lag.record(milliseconds(50), 400);
  EXPECT_FALSE(unconnected(late, 64, 1));
  WindowCut backing_off = cut_of({24});
  backing_off.seconds[0].backing_off = 40;
  EXPECT_FALSE(unconnected(backing_off, 64, 1));
}

TEST(Delivery, LimitsOnTimesThatAreNotTheHostsAreUndecided) {
  Step step{.ttft_seconds = {.count = 9, .p50 = 0.8}, .tpot_seconds = {.count = 9, .p50 = 0}};
  step.slo = {{.name = "ttft_p95", .met = 9, .state = "PASS"},
              {.name = "tpot_p95", .met = 9, .state = "PASS"},
              {.name = "e2e_p95", .met = 9, .state = "PASS"}};
  step.slo_joint = SloCheck{.name = "joint", .met = 9, .state = "PASS"};
  step.goodput_ratio = 1;
  Step tpot_only = step, failing = step;
  void_stream_times(step);
  EXPECT_EQ(step.slo[0].state, "INDETERMINATE");
  EXPECT_EQ(step.slo[1].state, "INDETERMINATE");
  EXPECT_EQ(step.slo[2].state, "PASS") << "E2E is what it is";
  EXPECT_EQ(step.slo_joint->state, "INDETERMINATE");
  EXPECT_FALSE(step.goodput_ratio);
  EXPECT_FALSE(step.ttft_seconds.p50);
  void_tpot(tpot_only);
  EXPECT_EQ(tpot_only.slo[0].state, "PASS");
  EXPECT_TRUE(tpot_only.ttft_seconds.p50);
  EXPECT_FALSE(tpot_only.tpot_seconds.p50);
  failing.slo[2].state = failing.slo_joint->state = "FAIL";
  void_stream_times(failing);
  EXPECT_EQ(failing.slo_joint->state, "FAIL") << "whatever TTFT was";
}

}  // namespace
}  // namespace kneepoint::coordinator
