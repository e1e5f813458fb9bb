#include "coordinator/measure/validity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "coordinator/measure/littles_law.h"
#include "coordinator/measure/network.h"

namespace kneepoint::coordinator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Eight slots, 30 s, requests of 0.5 s (TTFT 0.1 s, gaps of 20 ms), everything healthy.
struct Healthy {
  Step step{.concurrency = 8, .achieved_concurrency = 8.0};
  WindowEvidence evidence{.seconds = 30, .in_flight = 240, .waiting = 48};

  Healthy() {
    step.requests.completed = 480;
    step.requests.by_outcome[0] = 480;
    step.backing_off = 0;
    step.ttft_seconds = {.count = 480, .p50 = 0.1};
    step.tpot_seconds = {.count = 480, .p50 = 0.02};
    step.generator.client_coalesced_ratio = 0;
    step.generator.busiest_thread_ratio = 0.3;
    step.generator.unstamped_read_ratio = 0;
    step.generator.send_lag_p99_seconds = 0.0001;
    evidence.e2e.record(milliseconds(500), 480);
    evidence.icl.record(milliseconds(20), 9600);
    evidence.send_lag.record(microseconds(100), 480);
    evidence.rx_lag.record(microseconds(30), 10000);
    evidence.loop_gap.record(microseconds(50), 10000);
  }
  Step judged() {
    apply_gates(step, evidence);
    return step;
  }
};

TEST(Gates, AHealthyWindowPasses) {
  const Step step = Healthy().judged();
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_TRUE(step.flags.empty()) << ::testing::PrintToString(step.flags);
}

/// A gateway checks every answer for 0.3 s before it ends the stream: the requests are in flight for 0.8 s.
TEST(Gates, WhatFollowsTheLastTokenIsPartOfTheResidence) {
  Healthy late;
  late.step.requests.completed = late.step.requests.by_outcome[0] = 300;
  late.evidence.waiting = 30;
  late.evidence.e2e = Histogram();
  late.evidence.e2e.record(milliseconds(500), 300);
  late.evidence.icl = Histogram();
  late.evidence.icl.record(milliseconds(20), 6000);
  late.step.e2e_seconds = {.count = 300, .mean = 0.5};
  Healthy lost = late;
  late.evidence.tails = 90;
  const Step step = late.judged();
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_TRUE(step.has_flag("LATE_END"));
  EXPECT_TRUE(lost.judged().has_flag("LITTLES_LAW")) << "nobody knows what the requests did meanwhile";
  EXPECT_FALSE(Healthy().judged().has_flag("LATE_END"));
}

/// Each end of an answer may be late by a period: TPOT is off by what that is of the time between them.
TEST(Gates, FlushesLeaveNoTpotOfShortAnswers) {
  const auto judged = [](double period) {
    Healthy flushed;  // 0.4 s between the first and the last chunk
    flushed.step.delivery = {.flush_seconds = period, .events_per_flush = 10};
    return flushed.judged();
  };
  EXPECT_TRUE(judged(0.1).has_flag("TPOT_UNKNOWN"));
  EXPECT_TRUE(judged(0.03).has_flag("FLUSHED"));
  EXPECT_FALSE(judged(0.03).has_flag("TPOT_UNKNOWN"));
}

/// Segments that wait for a lost one are read late by their stamps, and together.
TEST(Gates, LateReadsOfALossyPathAreNotTheGenerators) {
  const auto judged = [](std::uint64_t out_of_order, Nanos loop_gap) {
    Healthy late;
    late.step.generator.client_coalesced_ratio = 0.1;
    late.evidence.late_reads_together = 400;
    late.evidence.rx_lag.record(milliseconds(80), 1000);
    late.evidence.loop_gap.record(loop_gap, 1000);
    late.step.network = network_of({.sent = 500, .received = 10000, .out_of_order = out_of_order});
    return late.judged();
  };
  EXPECT_TRUE(judged(0, microseconds(50)).has_flag("CLIENT_BOUND"));
  const Step lossy = judged(400, microseconds(50));
  EXPECT_TRUE(lossy.valid) << ::testing::PrintToString(lossy.reasons);
  EXPECT_FALSE(lossy.has_flag("RX_LAG"));
  EXPECT_TRUE(lossy.has_flag("LOSSY"));
  EXPECT_TRUE(judged(400, milliseconds(5)).has_flag("CLIENT_BOUND"))
      << "a loop that was away is one all the same";
}

TEST(Gates, RequestsThatWereSentAgainAreCounted) {
  Healthy dropped;
  dropped.step.reconnects = 24;
  dropped.step.requests.started = 480;
  const Step step = dropped.judged();
  EXPECT_TRUE(step.valid);
  EXPECT_EQ(step.reasons.at(0).find("24 of 480 requests met a closed connection"), 0u) << step.reasons.at(0);
}

/// At 16 requests a second a lag of 2 ms moves none of them to speak of, fast as the host may be.
TEST(Gates, LateSendsOfAnOpenLoopAreHeldAgainstTheGapsToo) {
  const auto judged = [](Nanos lag) {
    Healthy open;
    open.step.requests.started = 480;
    open.step.ttft_seconds.p50 = 0.018;
    open.evidence.open_loop = true;
    open.evidence.due = 480;
    open.evidence.send_lag = Histogram();
    open.evidence.send_lag.record(lag, 480);
    return open.judged();
  };
  const Step small = judged(milliseconds(2));
  EXPECT_TRUE(small.valid) << ::testing::PrintToString(small.reasons);
  EXPECT_TRUE(small.has_flag("SEND_LAG"));
  EXPECT_TRUE(judged(milliseconds(5)).has_flag("CLIENT_BOUND"));
  EXPECT_FALSE(judged(microseconds(500)).has_flag("SEND_LAG"));
}

TEST(Gates, ABacklogSaysHowFewWaited) {
  Healthy open;
  open.step.requests.started = 480;
  open.step.backlog = 0.0003;
  open.evidence.open_loop = true;
  open.evidence.due = 480;
  const Step step = open.judged();
  ASSERT_EQ(step.reasons.size(), 1u);
  EXPECT_EQ(step.reasons[0],
            "requests waited for one of the 8 to end that max_in_flight allows, less than 0.01 on average");
}

TEST(Gates, OccupancyBelow99PercentIsInvalidAndNamesBackOff) {
  Healthy low;
  low.step.achieved_concurrency = 7.9;
  low.step.backing_off = 0.1;
  const Step step = low.judged();
  EXPECT_FALSE(step.valid);
  EXPECT_TRUE(step.has_flag("LOW_OCCUPANCY"));
  EXPECT_NE(step.reasons.at(0).find("waited after failures"), std::string::npos);

  Healthy enough;
  enough.step.achieved_concurrency = 7.93;
  EXPECT_TRUE(enough.judged().valid);
  Healthy by_requests;
  by_requests.step.achieved_concurrency = 4;
  by_requests.evidence.by_requests = true;
  EXPECT_TRUE(by_requests.judged().valid);
}

TEST(Gates, ALeakInTheAccountsBreaksLittlesLaw) {
  Healthy leak;
  leak.evidence.in_flight = 260;
  leak.evidence.waiting = 68;
  const Step step = leak.judged();
  EXPECT_FALSE(step.valid);
  EXPECT_TRUE(step.has_flag("LITTLES_LAW"));

  Healthy chunks;  // gaps lost
  chunks.evidence.icl = Histogram();
  chunks.evidence.icl.record(milliseconds(20), 8500);
  EXPECT_TRUE(chunks.judged().has_flag("LITTLES_LAW"));
}

TEST(Gates, MovementIsNoFaultOfAMovingRow) {
  Healthy rising;
  rising.evidence.moving = true;
  rising.step.achieved_concurrency = 7.1;  // one of eight is what rounding may take
  rising.evidence.e2e = Histogram();       // those of the second half have not ended yet
  rising.evidence.e2e.record(milliseconds(500), 300);
  rising.step.requests.completed = rising.step.requests.by_outcome[0] = 300;
  rising.evidence.trend = 0.9;
  const Step step = rising.judged();
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_TRUE(step.flags.empty()) << ::testing::PrintToString(step.flags);

  Healthy backing_off;  // what is no movement's doing stays one
  backing_off.evidence.moving = true;
  backing_off.step.achieved_concurrency = 6;
  EXPECT_TRUE(backing_off.judged().has_flag("LOW_OCCUPANCY"));
  Healthy chunks;
  chunks.evidence.moving = true;
  chunks.evidence.icl = Histogram();
  chunks.evidence.icl.record(milliseconds(20), 8500);
  EXPECT_TRUE(chunks.judged().has_flag("LITTLES_LAW"));
}

TEST(Gates, FailuresExplainMissingResidenceButNotAnExcess) {
  Healthy failing;
  failing.step.requests.failed = 50;
  failing.evidence.in_flight = 300;
  EXPECT_FALSE(failing.judged().has_flag("LITTLES_LAW"));
  Healthy excess;
  excess.step.requests.failed = 50;
  excess.evidence.in_flight = 200;
  excess.evidence.waiting = 8;
  EXPECT_TRUE(excess.judged().has_flag("LITTLES_LAW"));
}

TEST(LittlesLaw, AnEdgeIsNoFault) {
  const auto holds = [](const Residence& residence) {
    const auto law = littles_law(residence);
    return law && std::abs(law->error) <= law->tolerance;
  };
  // One slot, requests of 1.3 s: 6 or 7 of them end in 8 s.
  EXPECT_TRUE(holds({.window = 8, .in_flight = 8, .ended = 6 * 1.3, .mean = 1.3, .longest = 1.3}));
  EXPECT_TRUE(holds({.window = 8, .in_flight = 8, .ended = 7 * 1.3, .mean = 1.3, .longest = 1.3}));
  EXPECT_FALSE(holds({.window = 8, .in_flight = 8, .ended = 5 * 1.3, .mean = 1.3, .longest = 1.3}));
  // A convoy of 64 that all end together, every 2 s.
  EXPECT_TRUE(holds({.window = 20, .in_flight = 1280, .ended = 1152, .mean = 2, .longest = 2, .slots = 64}));
  // Long windows are strict: 2 %.
  EXPECT_FALSE(holds({.window = 600, .in_flight = 600, .ended = 585, .mean = 1, .longest = 3}));
  // A window that is all edges says nothing.
  EXPECT_FALSE(littles_law({.window = 8, .in_flight = 8, .ended = 5, .mean = 5, .longest = 5}));
  Residence sessions{
      .window = 30, .in_flight = 180, .ended = 170, .mean = 1, .longest = 2, .held = false, .slots = 6};
  const double alone = littles_law(sessions)->tolerance;
  sessions.together = 4;
  EXPECT_NEAR(littles_law(sessions)->tolerance, 2 * alone, 1e-9) << "turns that begin together";
  EXPECT_FALSE(littles_law({.window = 8}));
}

TEST(Gates, AStarvedGeneratorIsClientBound) {
  Healthy coalesced;
  coalesced.step.generator.client_coalesced_ratio = 0.02;
  EXPECT_FALSE(coalesced.judged().has_flag("CLIENT_BOUND")) << "no read shows it";
  coalesced.evidence.late_reads_together = Gates::kFewestCoalesced;
  EXPECT_TRUE(coalesced.judged().has_flag("CLIENT_BOUND"));
  EXPECT_FALSE(coalesced.judged().valid);

  Healthy busy;
  busy.step.generator.busiest_thread_ratio = 0.86;
  EXPECT_FALSE(busy.judged().valid);

  Healthy late;  // 5 % of the requests left 6 ms late, TTFT p50 is 100 ms
  late.evidence.send_lag.record(milliseconds(6), 25);
  EXPECT_TRUE(late.judged().has_flag("SEND_LAG"));
  EXPECT_TRUE(late.judged().valid) << "latencies count from the send";
}

TEST(Gates, OneHiccupIsNoEvidence) {
  Healthy hiccup;
  hiccup.evidence.send_lag = Histogram();
  hiccup.evidence.send_lag.record(microseconds(100), 9);
  hiccup.evidence.send_lag.record(milliseconds(6));
  EXPECT_TRUE(hiccup.judged().valid);
  EXPECT_FALSE(surely_exceeds(Histogram(), 0.1));
}

TEST(Gates, ReceiveLagIsAWarningWithStampsAndAFaultWithout) {
  Healthy stamped;
  stamped.evidence.rx_lag.record(milliseconds(2), 500);
  EXPECT_TRUE(stamped.judged().has_flag("RX_LAG"));
  EXPECT_TRUE(stamped.judged().valid);

  Healthy unstamped;
  unstamped.step.generator.unstamped_read_ratio = 0.5;
  unstamped.evidence.loop_gap.record(milliseconds(2), 500);
  EXPECT_TRUE(unstamped.judged().has_flag("CLIENT_BOUND"));
  Healthy calm;
  calm.step.generator.unstamped_read_ratio = 1;
  EXPECT_TRUE(calm.judged().valid);
  ASSERT_EQ(calm.step.flags, std::vector<std::string>{"UNSTAMPED"}) << "it is flagged all the same";
  EXPECT_TRUE(calm.step.reasons[0].starts_with("100 % of the reads carry no kernel stamp"));
}

TEST(Gates, EveryMissingPieceIsNamed) {
  Healthy broken;
  broken.evidence.complete = false;
  broken.evidence.agent_lost = true;
  broken.evidence.interrupted = true;
  broken.step.requests.completed = 0;
  const Step step = broken.judged();
  EXPECT_EQ(failed_gates(step),
            (std::vector<std::string>{"INTERRUPTED", "AGENT_LOST", "INCOMPLETE", "NO_DATA"}));
  EXPECT_EQ(step.reasons.size(), 4u);
}

TEST(Gates, WeaknessesLeaveTheStepValid) {
  Healthy weak;
  weak.evidence.trend = 0.05;
  weak.step.early_stops = 3;
  weak.step.reconnects = 2;
  const Step step = weak.judged();
  EXPECT_TRUE(step.valid);
  EXPECT_EQ(step.flags, (std::vector<std::string>{"DRIFTING", "EARLY_STOPS", "RECONNECTS"}));
}

TEST(Gates, EndingsThatAreNoAnswersAreNamedEachWithItsCount) {
  const std::pair<Outcome, const char*> kinds[] = {{Outcome::kEmpty, "EMPTY_ANSWERS"},
                                                   {Outcome::kUnread, "UNREAD_ANSWERS"},
                                                   {Outcome::kTruncated, "TRUNCATED_ANSWERS"},
                                                   {Outcome::kAborted, "ABORTED_ANSWERS"},
                                                   {Outcome::kErrorAt200, "ERRORS_AT_200"}};
  for (const auto& [outcome, flag] : kinds) {
    Healthy few;
    few.step.requests.completed = 37;
    few.step.requests.failed = few.step.requests.by_outcome[static_cast<std::size_t>(outcome)] = 3;
    const Step step = few.judged();
    EXPECT_TRUE(step.has_flag(flag));
    EXPECT_TRUE(step.reasons.at(0).starts_with("3 of 40 requests ")) << step.reasons.at(0);
    EXPECT_TRUE(step.valid) << "how many may fail is judged elsewhere";
  }
  Healthy none;
  for (const auto& [outcome, flag] : kinds) EXPECT_FALSE(none.judged().has_flag(flag));
}

TEST(Gates, AnAnswerCannotHaveMoreChunksThanTokens) {
  Healthy plain;
  plain.evidence.answer_chunks = plain.evidence.answer_tokens = 640;
  EXPECT_FALSE(plain.judged().has_flag("ECHO"));
  Healthy echoed;
  echoed.evidence.answer_chunks = 650;
  echoed.evidence.answer_tokens = 640;
  const Step step = echoed.judged();
  EXPECT_TRUE(step.valid);
  EXPECT_TRUE(step.has_flag("ECHO"));
}

TEST(Gates, RefusalsAloneAreTheTargetsFault) {
  Healthy refused;
  refused.step.requests.failed = 100;
  refused.step.achieved_concurrency = 4;
  EXPECT_TRUE(invalid_by_target_only(refused.judged()));
  refused.step.invalidate("CLIENT_BOUND", "");
  EXPECT_FALSE(invalid_by_target_only(refused.step));
  EXPECT_FALSE(invalid_by_target_only(Healthy().judged()));
}

}  // namespace
}  // namespace kneepoint::coordinator
