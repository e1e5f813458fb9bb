#include "coordinator/verdict/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Step plain_row(std::uint32_t n, double throughput) {
  Step step{.concurrency = n, .duration_seconds = 60};
  step.output_tokens_per_second = {throughput, Interval{throughput * 0.99, throughput * 1.01},
                                   throughput * 0.005};
  step.requests_per_second = {throughput / 50, {}, {}};
  step.requests.completed = 500;
  step.batches = 10;
  return step;
}

/// Three rows that grow with the load, and two beyond them that the generator could not make.
ScenarioResult with_a_generator_too_weak() {
  ScenarioResult result{.target = "host", .scenario = "chat"};
  result.steps = {plain_row(1, 100), plain_row(2, 198), plain_row(4, 390), plain_row(8, 700),
                  plain_row(16, 900)};
  for (const std::size_t i : {3u, 4u}) {
    result.steps[i].warn("RECONNECTS", "2 connections were reopened");
    result.steps[i].invalidate("CLIENT_BOUND", "a generator thread was busy 97 % of the time");
    result.steps[i].warn("EARLY_STOPS", "3 answers ended with fewer tokens than asked for");
  }
  result.steps[4].invalidate("LITTLES_LAW", "they disagree by 9.0 %");
  return result;
}

std::vector<Remark> fatal(const Verdict& verdict) {
  std::vector<Remark> found;
  for (const Remark& remark : verdict.remarks()) {
    if (remark.weight == Remark::Weight::kFatal) found.push_back(remark);
  }
  return found;
}

TEST(Judge, AFatalRemarkIsOneCauseWithItsRemedyAndNoWarning) {
  const auto remarks = fatal(judge(with_a_generator_too_weak(), {}));
  ASSERT_EQ(remarks.size(), 2u);
  EXPECT_EQ(remarks[0].code, "client_bound");
  EXPECT_EQ(remarks[0].text, "at 8: a generator thread was busy 97 % of the time (and so at 16)");
  EXPECT_EQ(remarks[0].remedy, "give the agents more threads, cores or hosts");
  EXPECT_EQ(remarks[1].code, "littles_law");
  EXPECT_EQ(remarks[1].text, "at 16: they disagree by 9.0 %");
  for (const Remark& remark : remarks) EXPECT_THAT(remark.text, Not(HasSubstr("reopened")));
}

TEST(Judge, WhereNoRowStandsNothingIsTrusted) {
  ScenarioResult result{.target = "host", .scenario = "chat"};
  result.steps = {plain_row(1, 100), plain_row(2, 198)};
  EXPECT_NE(judge(result, {}).trust(), Trust::kUntrusted);
  for (Step& step : result.steps) step.warn("SUPERSEDED", "the host changed afterwards");
  const Verdict verdict = judge(result, {});
  EXPECT_EQ(verdict.trust(), Trust::kUntrusted);
  EXPECT_TRUE(verdict.has("nothing_stands"));
}

TEST(Judge, WhatLiesBetweenIsToldAboveTheRows) {
  struct Case {
    const char* flag;
    std::string reason;
    const char* code;
    Remark::Weight weight;
  };
  for (const Case& each :
       {Case{"CACHED_ANSWERS", "half of the answers come out of a cache", "cached_answers",
             Remark::Weight::kReservation},
        Case{"FLUSHED", "something buffers and flushes them", "flushed", Remark::Weight::kWarning},
        Case{"ECHO", words::more_chunks_than_tokens(25, 24), "echo", Remark::Weight::kWarning},
        Case{"EARLY_FIRST", words::first_comes_alone(0.9, 1.3), "early_first", Remark::Weight::kWarning}}) {
    ScenarioResult result{.target = "host", .scenario = "chat"};
    result.steps = {plain_row(1, 100), plain_row(2, 198), plain_row(4, 390)};
    result.steps[2].warn(each.flag, each.reason);
    const Verdict verdict = judge(result, {});
    const auto& remarks = verdict.remarks();
    const auto found =
        std::find_if(remarks.begin(), remarks.end(), [&](const Remark& r) { return r.code == each.code; });
    ASSERT_NE(found, remarks.end()) << each.code;
    EXPECT_EQ(found->weight, each.weight);
    EXPECT_THAT(found->text, HasSubstr(each.reason));
    EXPECT_FALSE(found->remedy.empty());
  }
}

/// A limit on TTFT rests on a first chunk that may be no token; one on the whole answer does not.
TEST(Judge, AFirstChunkThatMayBeNoTokenWeighsWhereALimitRestsOnIt) {
  const auto weighs = [](const char* flag, const std::string& reason, const char* limit) {
    ScenarioResult result{.target = "host", .scenario = "chat"};
    result.steps = {plain_row(1, 100), plain_row(2, 198), plain_row(4, 390)};
    result.slo.criteria = {{.name = limit, .limit = 0.5}};
    result.steps[2].warn(flag, reason);
    const Verdict verdict = judge(result, {});
    return std::any_of(verdict.remarks().begin(), verdict.remarks().end(), [](const Remark& r) {
      return (r.code == "echo" || r.code == "early_first") && r.weight == Remark::Weight::kReservation;
    });
  };
  EXPECT_TRUE(weighs("ECHO", words::more_chunks_than_tokens(25, 24), "ttft_p95"));
  EXPECT_TRUE(weighs("EARLY_FIRST", words::first_comes_alone(0.9, 1.3), "ttft_p95"));
  EXPECT_FALSE(weighs("ECHO", words::more_chunks_than_tokens(25, 24), "e2e_p95"));
}

/// A connection that was idle for too long is no news; a host that drops one request of twenty is.
TEST(Judge, RequestsThatAreOftenSentAgainAreTold) {
  const auto told = [](std::uint64_t reconnects) {
    ScenarioResult result{.target = "host", .scenario = "chat"};
    result.steps = {plain_row(1, 100), plain_row(2, 198), plain_row(4, 390)};
    result.steps[2].requests.started = 500;
    result.steps[2].reconnects = reconnects;
    result.steps[2].warn("RECONNECTS", "requests were sent again");
    return judge(result, {}).has("reconnects");
  };
  EXPECT_TRUE(told(25));
  EXPECT_FALSE(told(2));
}

TEST(Judge, WhyARowIsInvalidStandsBeforeWhatWeakensIt) {
  const Step step = with_a_generator_too_weak().steps[4];
  EXPECT_THAT(step.faults, ElementsAre("CLIENT_BOUND", "LITTLES_LAW"));
  EXPECT_THAT(step.reasons, ElementsAre(HasSubstr("busy"), HasSubstr("disagree"), HasSubstr("reopened"),
                                        HasSubstr("fewer tokens")));
  Step healed = step;
  healed.withdraw("LITTLES_LAW", "they disagree");
  EXPECT_THAT(healed.faults, ElementsAre("CLIENT_BOUND"));
  EXPECT_EQ(healed.reasons.size(), 3u);
}

TEST(Judge, ASurveyIsNeverTrusted) {
  ScenarioResult result{.target = "host", .scenario = "chat"};
  result.steps = {plain_row(1, 100), plain_row(2, 198)};
  EXPECT_EQ(judge(result, {}).trust(), Trust::kTrustworthy) << "figures of rows that stood still";
  for (Step& step : result.steps) step.warn("MOVING", "");
  const Verdict verdict = judge(result, {});
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  EXPECT_TRUE(verdict.has("survey"));
  result.confirmation = Finding{.state = "MEASURED ONCE", .explanation = "It was measured once."};
  EXPECT_FALSE(judge(result, {}).has("measured_once")) << "told once";
}

}  // namespace
}  // namespace kneepoint::coordinator
