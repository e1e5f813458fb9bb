#include "coordinator/verdict/page_remarks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/verdict/sick_replica.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Step told_at(std::uint32_t n, const std::string& state, std::optional<double> ratio = {}) {
  Step step;
  step.concurrency = n;
  step.telemetry = StepTelemetry{};
  step.telemetry->page.state = state;
  step.telemetry->page.tokens_ratio = ratio;
  return step;
}

Verdict remarks(std::vector<Step> steps) {
  ScenarioResult result;
  result.steps = std::move(steps);
  Verdict verdict;
  remark_on_pages(result, verdict);
  return verdict;
}

TEST(PageRemarks, ACoveredPageIsNotWorthAWord) {
  EXPECT_THAT(remarks({told_at(8, "covered", 1.01), told_at(16, "", {})}).reasons(), IsEmpty());
}

TEST(PageRemarks, ThePlainestRowIsQuotedAndTheOthersCounted) {
  const Verdict verdict =
      remarks({told_at(8, "covered", 0.95), told_at(16, "partial", 0.4), told_at(32, "partial", 0.25)});
  ASSERT_TRUE(verdict.has("page_partial"));
  EXPECT_EQ(
      verdict.reasons().at(0),
      "at 32 the server's page shows 25 % of our load (and so at 2 of 3 steps); no bottleneck rests on it");
  EXPECT_EQ(verdict.trust(), Trust::kTrustworthy) << "what the client measured stands";
}

TEST(PageRemarks, OthersAreToldWithTheirShare) {
  const Verdict verdict = remarks({told_at(8, "others", 4.0)});
  ASSERT_TRUE(verdict.has("other_tenants"));
  EXPECT_EQ(verdict.reasons().at(0), "at 8 75 % of what the server generated was for others");
}

TEST(PageRemarks, ContentBeforeTheEnginesFirstTokenIsNone) {
  Step step = told_at(8, "covered", 1.0);
  step.ttft_seconds = {.count = 200, .mean = 0.02};
  step.telemetry->ttft_mean_seconds = 0.018;
  EXPECT_THAT(remarks({step}).reasons(), IsEmpty());
  step.telemetry->ttft_mean_seconds = 0.180;
  const Verdict verdict = remarks({step});
  ASSERT_TRUE(verdict.has("ttft_differs"));
  EXPECT_EQ(verdict.reasons().at(0),
            "at 8 the first content came after 20.0 ms on average, the engine's first token after 180 ms: "
            "what comes "
            "first is no token");
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  step.telemetry->page.state = "others";
  EXPECT_FALSE(remarks({step}).has("ttft_differs")) << "theirs are in the engine's mean";
}

TEST(PageRemarks, CountsThatDifferForTheSameRequests) {
  Step step = told_at(8, "covered", 0.57);
  step.telemetry->page.requests_ratio = 1.0;
  step.telemetry->server_tokens_per_second = 316;
  step.output_tokens_per_second.value = 553;
  const Verdict verdict = remarks({step});
  ASSERT_TRUE(verdict.has("token_counts_differ"));
  EXPECT_THAT(verdict.reasons().at(0),
              HasSubstr("the engine counted 316 output tokens a second and the answers 553"));
}

TEST(PageRemarks, ACountThatWasRefutedIsToldByItsWitnessesAndNotTwice) {
  for (const char* state : {"corrected", "differs"}) {
    Step step = told_at(8, "covered", 0.57);
    step.telemetry->page.requests_ratio = 1.0;
    step.telemetry->server_tokens_per_second = 316;
    step.output_tokens_per_second.value = 314;  // as the chunks have it by now
    step.token_count = TokenCount{.state = state};
    EXPECT_FALSE(remarks({step}).has("token_counts_differ")) << state;
  }
}

TEST(PageRemarks, APrefixCacheThatHelpsIsSaid) {
  Step first = told_at(1, "covered", 1), last = told_at(256, "covered", 1);
  first.telemetry->prefix_hit_ratio = 0.24;
  last.telemetry->prefix_hit_ratio = 0.94;
  const Verdict verdict = remarks({first, last});
  ASSERT_TRUE(verdict.has("prefix_cache"));
  EXPECT_EQ(
      verdict.reasons().at(0),
      "94 % of the prompt tokens at 256 came out of the server's prefix cache, 24 % at 1: rows were not "
      "spared the same work");
  last.telemetry->prefix_hit_ratio = 0.2;
  EXPECT_FALSE(remarks({first, last}).has("prefix_cache"));
}

TEST(PageRemarks, APrefixCacheThatTheAnswersTellOf) {
  Step step = told_at(8, "covered", 1);
  step.cached_prompt_ratio = 0.8;
  EXPECT_EQ(remarks({step}).reasons().at(0),
            "80 % of the prompt tokens at 8 came out of the server's prefix cache");
  step.telemetry->prefix_hit_ratio = 0.3;  // other tenants' prompts may be in it
  EXPECT_EQ(
      remarks({step}).reasons().at(0),
      "80 % of the prompt tokens at 8 came out of the server's prefix cache as its answers say, 30 % as "
      "its page does");
  Step first = told_at(1, "covered", 1);
  first.telemetry->prefix_hit_ratio = 0.1;
  EXPECT_EQ(remarks({first, step}).reasons().at(0).find("spared"), std::string::npos) << "another witness";
  first.cached_prompt_ratio = 0.1;
  EXPECT_NE(remarks({first, step}).reasons().at(0).find("10 % at 1: rows were not spared"),
            std::string::npos);
  step.telemetry.reset();
  EXPECT_TRUE(remarks({step}).has("prefix_cache")) << "no page is needed";
  step.cached_prompt_ratio = 0.2;
  EXPECT_FALSE(remarks({step}).has("prefix_cache"));
}

TEST(PageRemarks, APrefixCacheThatMovesIsSaidInEitherDirection) {
  Step first = told_at(1, "covered", 1), middle = told_at(8, "covered", 1), last = told_at(64, "covered", 1);
  first.telemetry->prefix_hit_ratio = 0.38;
  middle.telemetry->prefix_hit_ratio = 0.4;
  last.telemetry->prefix_hit_ratio = 0.21;  // the cache holds no more sessions
  const Verdict verdict = remarks({first, middle, last});
  ASSERT_TRUE(verdict.has("prefix_cache"));
  EXPECT_EQ(verdict.reasons().at(0),
            "40 % of the prompt tokens at 8 came out of the server's prefix cache, 21 % at 64: rows were not "
            "spared the same work");
}

Step drafting(std::uint32_t n, double accepted) {
  Step step = told_at(n, "covered", 1);
  step.telemetry->spec_acceptance_ratio = accepted;
  step.telemetry->spec_acceptance_length = 1 + 4 * accepted;
  return step;
}

TEST(PageRemarks, DraftsThatAreAcceptedLessWithLoadAreSaid) {
  const Verdict verdict =
      remarks({drafting(1, 0.7), drafting(8, 0.66), drafting(16, 0.5), drafting(32, 0.4)});
  ASSERT_TRUE(verdict.has("draft_acceptance"));
  EXPECT_EQ(verdict.reasons().at(0),
            "fewer draft tokens are accepted as the load grows: 70 % at 1, 40 % at 32 (3.80 tokens a step, "
            "then 2.60); the saturation point holds for this acceptance");
  EXPECT_EQ(verdict.trust(), Trust::kTrustworthy);
}

TEST(PageRemarks, DraftsThatScatterOrStayAreNotWorthAWord) {
  EXPECT_FALSE(remarks({drafting(1, 0.7), drafting(8, 0.66), drafting(32, 0.65)}).has("draft_acceptance"));
  EXPECT_FALSE(remarks({drafting(1, 0.4), drafting(8, 0.6), drafting(32, 0.7)}).has("draft_acceptance"));
  EXPECT_FALSE(remarks({drafting(1, 0.7), drafting(8, 0.75), drafting(16, 0.75), drafting(32, 0.55)})
                   .has("draft_acceptance"))
      << "one row is no trend";
  EXPECT_FALSE(remarks({drafting(8, 0.7), drafting(8, 0.5)}).has("draft_acceptance")) << "one load";
}

TEST(PageRemarks, StreamsInStep) {
  Step step = told_at(47, "covered", 1);
  step.warn("IN_STEP", "streams run in step");
  EXPECT_TRUE(remarks({step}).has("in_step"));
}

Share share(const std::string& name, double tpot, std::uint64_t failed = 0) {
  Share share;
  share.name = name;
  share.requests.completed = 200;
  share.requests.failed = failed;
  share.ttft_seconds.p50 = 0.1;
  share.tpot_seconds.p50 = tpot;
  return share;
}

ScenarioResult fleet(const std::vector<std::vector<Share>>& rows) {
  ScenarioResult result;
  std::uint32_t n = 8;
  for (const auto& replicas : rows) {
    Step step;
    step.concurrency = n *= 2;
    step.replicas = replicas;
    result.steps.push_back(step);
  }
  return result;
}

TEST(SickReplica, TheSlowOneIsNamed) {
  const std::vector<Share> row = {share("a:1", 0.010), share("b:1", 0.031), share("c:1", 0.011)};
  const auto said = sick_replica(fleet({row, row}));
  ASSERT_TRUE(said);
  EXPECT_EQ(*said,
            "replica b:1 is slower than the others: TPOT p50 31.0 ms at 32, where the others have 11.0 ms");
}

TEST(SickReplica, TheFailingOneIsNamed) {
  const std::vector<Share> row = {share("a:1", 0.010), share("b:1", 0.010, 200)};
  const auto said = sick_replica(fleet({row}));
  ASSERT_TRUE(said);
  EXPECT_EQ(*said, "replica b:1 fails 50 % of its requests at 16, and no other fails more than 1 %");
}

TEST(SickReplica, AFleetThatIsAlikeHasNone) {
  const std::vector<Share> row = {share("a:1", 0.010), share("b:1", 0.012), share("c:1", 0.011)};
  EXPECT_FALSE(sick_replica(fleet({row, row})));
}

TEST(SickReplica, WhenAllFailNoneIsTheSickOne) {
  const std::vector<Share> row = {share("a:1", 0.010, 100), share("b:1", 0.010, 100)};
  EXPECT_FALSE(sick_replica(fleet({row})));
}

TEST(SickReplica, OnceIsChance) {
  const std::vector<Share> well = {share("a:1", 0.010), share("b:1", 0.010), share("c:1", 0.010)};
  const std::vector<Share> ill = {share("a:1", 0.010), share("b:1", 0.031), share("c:1", 0.011)};
  EXPECT_FALSE(sick_replica(fleet({well, ill, well})));
}

}  // namespace
}  // namespace kneepoint::coordinator
