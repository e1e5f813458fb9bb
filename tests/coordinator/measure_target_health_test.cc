#include "coordinator/measure/target_health.h"

#include <gtest/gtest.h>

#include <functional>

#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::KnownRun;

const Target kHost{.name = "host", .urls = {"http://10.0.0.1:8000"}};
const Target kTwo{.name = "host", .urls = {"http://10.0.0.1:8000", "http://10.0.0.2:8000"}};

/// `slots` closed loops of requests that take half a second, from `begin` to `end`, on one replica.
void serve(KnownRun& run, double begin, double end, int slots, std::uint32_t replica = 0) {
  for (int slot = 0; slot < slots; ++slot) {
    for (double at = begin + 0.01 * slot; at + 0.5 <= end; at += 0.5) {
      run.add({.start = at,
               .chunks = {at + 0.1, at + 0.3, at + 0.49},
               .end = at + 0.5,
               .key = {.epoch = 1, .replica = replica}});
    }
  }
}

/// `slots` loops of requests that fail at once and are tried again after `pause`.
void fail(KnownRun& run, double begin, double end, int slots, Outcome outcome, double pause = 0.5,
          std::uint32_t replica = 0) {
  for (int slot = 0; slot < slots; ++slot) {
    for (double at = begin + 0.02 * slot; at < end; at += pause) {
      run.add({.start = at, .end = at + 0.001, .outcome = outcome, .key = {.epoch = 1, .replica = replica}});
    }
  }
}

std::vector<Outage> outages_of(KnownRun& run, std::int64_t end, const Target& target = kHost) {
  return find_outages(run.timeline(end), target, 0);
}

TEST(TargetHealth, AHostThatAnswersHasNoOutage) {
  KnownRun run;
  serve(run, 0, 30, 4);
  EXPECT_TRUE(outages_of(run, 30).empty());
  EXPECT_FALSE(target_down(run.timeline(30), 0));
}

TEST(TargetHealth, AHostThatDiesIsDownFromThenOn) {
  KnownRun run;
  serve(run, 0, 12.3, 4);
  fail(run, 12.3, 30, 4, Outcome::kConnect);
  const auto outages = outages_of(run, 30);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].begin, 12) << "the second in which it died is touched as well";
  EXPECT_EQ(outages[0].end, 30);
  EXPECT_FALSE(outages[0].ended);
  EXPECT_TRUE(outages[0].ever_answered);
  EXPECT_EQ(outage_sentence(outages[0], kHost),
            "the host stopped answering at 00:12: all 136 requests since then failed (not connected)");
  EXPECT_TRUE(target_down(run.timeline(30), 0));
  EXPECT_FALSE(target_down(run.timeline(20), 0)) << "not for ten seconds yet";
}

TEST(TargetHealth, AHostThatWasNeverThereIsDown) {
  KnownRun run;
  fail(run, 0, 15, 1, Outcome::kConnect, 4.5);  // one slot that backs off
  const auto outages = outages_of(run, 15);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_FALSE(outages[0].ever_answered);
  EXPECT_EQ(outage_sentence(outages[0], kHost),
            "the host never answered: all 4 requests failed (not connected)");
  EXPECT_TRUE(target_down(run.timeline(15), 0));
}

TEST(TargetHealth, AHostThatDiesForFiveSecondsReturns) {
  KnownRun run;
  serve(run, 0, 12.3, 4);
  fail(run, 12.3, 17.3, 4, Outcome::kConnect);
  serve(run, 17.4, 30, 4);
  const auto outages = outages_of(run, 30);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_TRUE(outages[0].ended);
  EXPECT_EQ(outages[0].begin, 12);
  EXPECT_EQ(outages[0].end, 18);
  EXPECT_FALSE(target_down(run.timeline(30), 0));
  EXPECT_NE(outage_sentence(outages[0], kHost).find("gave no answer from 00:12 to 00:18"), std::string::npos);
}

TEST(TargetHealth, OneReplicaOfTwoIsNamed) {
  KnownRun run;
  serve(run, 0, 30, 4, 0);
  serve(run, 0, 12, 4, 1);
  fail(run, 12, 30, 4, Outcome::kConnect, 0.5, 1);
  const auto outages = outages_of(run, 30, kTwo);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_EQ(outages[0].replica, 1u);
  EXPECT_NE(outage_sentence(outages[0], kTwo).find("replica 10.0.0.2:8000, one of 2, stopped answering"),
            std::string::npos)
      << outage_sentence(outages[0], kTwo);
  EXPECT_FALSE(target_down(run.timeline(30), 0)) << "the other one answers";
}

TEST(TargetHealth, BothReplicasAreTheHost) {
  KnownRun run;
  for (const std::uint32_t replica : {0u, 1u}) {
    serve(run, 0, 12, 4, replica);
    fail(run, 12, 30, 4, Outcome::kConnect, 0.5, replica);
  }
  const auto outages = outages_of(run, 30, kTwo);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_FALSE(outages[0].replica);
}

/// A lone request waits ten minutes; the next need not.
TEST(TargetHealth, AHostThatNeverAnswersIsDownAMinuteAfterTheFirstTimeout) {
  KnownRun run;
  run.add({.start = 0.5, .end = 600, .outcome = Outcome::kTimeout, .key = {.epoch = 1}});
  run.add({.start = 600.1, .end = 1200, .outcome = Outcome::kTimeout, .key = {.epoch = 1}});
  EXPECT_FALSE(target_down(run.timeline(640), 0)) << "the next may be answered";
  const auto outage = target_down(run.timeline(670), 0);
  ASSERT_TRUE(outage);
  EXPECT_FALSE(outage->ever_answered);
  EXPECT_EQ(outage_sentence(*outage, kHost), "the host never answered: the only request failed (timed out)");
}

TEST(TargetHealth, OneTimeoutOfAHostThatAnswersIsNone) {
  KnownRun run;
  serve(run, 0, 30, 1);
  run.add({.start = 30, .end = 90, .outcome = Outcome::kTimeout, .key = {.epoch = 1}});
  serve(run, 90, 160, 1);
  EXPECT_FALSE(target_down(run.timeline(160), 0));
}

/// Connections stay open and nothing comes any more.
TEST(TargetHealth, AHostThatHangsIsDown) {
  KnownRun run;
  serve(run, 0, 12, 4);
  for (int slot = 0; slot < 4; ++slot)
    run.add({.start = 12, .end = 40, .outcome = Outcome::kCancelled, .key = {.epoch = 1}});
  const auto outages = outages_of(run, 40);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_TRUE(outages[0].silent());
  EXPECT_NE(outage_sentence(outages[0], kHost).find("connections stayed open"), std::string::npos);
  EXPECT_FALSE(target_down(run.timeline(40), 0)) << "a long prefill looks like that for a while";
  EXPECT_FALSE(target_down(run.timeline(20), 0));
}

TEST(TargetHealth, SilencesLikeEarlierOnesAreLongPrompts) {
  KnownRun run;
  for (int i = 0; i < 4; ++i)
    run.add({.start = 20.0 * i,
             .chunks = {20.0 * i + 18, 20.0 * i + 19},
             .end = 20.0 * i + 19.5,
             .key = {.epoch = 1}});
  run.add({.start = 80, .end = 95, .outcome = Outcome::kCancelled, .key = {.epoch = 1}});
  EXPECT_TRUE(outages_of(run, 96).empty());
}

TEST(TargetHealth, AHostThatRefusesIsAlive) {
  KnownRun run;
  serve(run, 0, 12, 4);
  fail(run, 12, 40, 16, Outcome::kRejected);
  EXPECT_TRUE(outages_of(run, 40).empty());
  EXPECT_FALSE(target_down(run.timeline(40), 0));
}

/// A gateway whose backend is gone answers 502 to everything.
TEST(TargetHealth, AGatewayWithoutABackendIsDownAfterTenSeconds) {
  KnownRun run;
  serve(run, 0, 12, 4);
  fail(run, 12, 18, 4, Outcome::kHttp5xx);
  EXPECT_TRUE(outages_of(run, 18).empty()) << "errors may come in a row";
  fail(run, 18, 30, 4, Outcome::kHttp5xx);
  const auto outages = outages_of(run, 30);
  ASSERT_EQ(outages.size(), 1u);
  EXPECT_NE(outage_sentence(outages[0], kHost).find("began to answer with nothing but errors at 00:1"),
            std::string::npos)
      << outage_sentence(outages[0], kHost);
  EXPECT_TRUE(target_down(run.timeline(30), 0));
}

TEST(TargetHealth, AHostThatFailsHalfTheTimeIsNotGoneInBetween) {
  KnownRun run;
  for (int i = 0; i < 60; ++i) {  // two seconds of success, three of failures, again and again
    const double at = 5.0 * i;
    run.add({.start = at, .chunks = {at + 0.5, at + 1.5}, .end = at + 1.9, .key = {.epoch = 1}});
    for (int k = 0; k < 3; ++k)
      run.add({.start = at + 2 + k, .end = at + 2.1 + k, .outcome = Outcome::kStream, .key = {.epoch = 1}});
    run.add({.start = at + 0.2, .end = at + 0.3, .outcome = Outcome::kStream, .key = {.epoch = 1}});
    run.add({.start = at + 0.4, .end = at + 0.5, .outcome = Outcome::kStream, .key = {.epoch = 1}});
  }
  EXPECT_TRUE(outages_of(run, 300).empty());
}

/// What an overloaded host shows as well.
TEST(TargetHealth, TimeoutsThatEndAreNoOutage) {
  KnownRun run;
  serve(run, 0, 12, 4);
  for (int i = 0; i < 4; ++i) {
    for (int slot = 0; slot < 64; ++slot)
      run.add(
          {.start = 12 + 5.0 * i, .end = 17 + 5.0 * i, .outcome = Outcome::kTimeout, .key = {.epoch = 1}});
  }
  EXPECT_EQ(outages_of(run, 32).size(), 1u) << "as long as they go on";
  EXPECT_FALSE(target_down(run.timeline(32), 0)) << "but not down before a minute";
  serve(run, 32, 45, 4);
  EXPECT_TRUE(outages_of(run, 45).empty());
}

TEST(TargetHealth, AFewFailuresBeforeALongPrefillAreNoOutage) {
  KnownRun run;
  serve(run, 0, 10, 8);
  fail(run, 10, 10.5, 3, Outcome::kStream, 1);
  for (int slot = 0; slot < 32; ++slot)
    run.add({.start = 10.1, .chunks = {25.0 + 0.1 * slot}, .end = 30, .key = {.epoch = 1}});
  EXPECT_TRUE(outages_of(run, 31).empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
