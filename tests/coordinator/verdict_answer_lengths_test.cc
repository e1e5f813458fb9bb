#include "coordinator/verdict/answer_lengths.h"

#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

Step counted_row(std::uint32_t n, double tokens, std::uint64_t early = 0, std::uint64_t completed = 400) {
  Step step{.concurrency = n};
  step.requests.completed = completed;
  step.answer_tokens_mean = tokens;
  step.early_stops = early;
  return step;
}

Verdict judged(std::vector<Step> steps) {
  const ScenarioResult result{.steps = std::move(steps)};
  Verdict verdict;
  judge_answer_lengths(result, verdict);
  return verdict;
}

TEST(AnswerLengths, AnswersOfALengthThatStaysAreNotWorthAWord) {
  EXPECT_TRUE(judged({counted_row(1, 48), counted_row(8, 47), counted_row(64, 44)}).remarks().empty());
  EXPECT_TRUE(judged({counted_row(1, 48, 200), counted_row(64, 40, 220)}).remarks().empty())
      << "a model that stops by itself";
  EXPECT_TRUE(judged({counted_row(1, 48)}).remarks().empty());
  EXPECT_TRUE(judged({}).remarks().empty());
}

TEST(AnswerLengths, AnErrorTextInPlaceOfAnAnswerIsShort) {
  const Verdict verdict = judged({counted_row(1, 48), counted_row(8, 48), counted_row(64, 12)});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_EQ(verdict.remarks()[0].code, "answers_shrink");
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  EXPECT_EQ(verdict.reasons()[0].find("at 64 an answer has 12 tokens on average, at 1 48:"), 0u)
      << verdict.reasons()[0];
}

TEST(AnswerLengths, WhereALengthWasAskedForAFewThatEndEarlyTell) {
  const Verdict verdict = judged({counted_row(1, 48), counted_row(64, 43, 45)});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_NE(verdict.reasons()[0].find("11 % of the answers ended early, at 1 0 %"), std::string::npos)
      << verdict.reasons()[0];
}

TEST(AnswerLengths, FewAnswersAtEachOfTheLightLoadsTellTogether) {
  const Verdict verdict =
      judged({counted_row(1, 48, 0, 6), counted_row(2, 48, 0, 12), counted_row(4, 48, 0, 20),
              counted_row(8, 48, 0, 35), counted_row(16, 27, 60, 102), counted_row(48, 14, 526, 573)});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_EQ(verdict.remarks()[0].code, "answers_shrink");
  EXPECT_EQ(verdict.reasons()[0].find("at 48 an answer has 14 tokens on average, at 1 48:"), 0u)
      << verdict.reasons()[0];
}

TEST(AnswerLengths, EveryAnswerThatIsCutTellsAfterAFewThatWereNot) {
  const Verdict verdict = judged({counted_row(1, 48, 0, 12), counted_row(16, 29, 82, 82)});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_NE(verdict.reasons()[0].find("100 % of the answers ended early, at 1 0 %"), std::string::npos)
      << verdict.reasons()[0];
}

TEST(AnswerLengths, AModelThatStopsByItselfIsNoneOfAFewByChance) {
  EXPECT_TRUE(judged({counted_row(1, 40, 6, 12), counted_row(64, 40, 290, 300)}).remarks().empty());
  EXPECT_TRUE(judged({counted_row(1, 40, 0, 3), counted_row(64, 40, 150, 300)}).remarks().empty());
}

Verdict judged_models(std::vector<std::optional<ModelNames>> rows) {
  ScenarioResult result;
  for (std::uint32_t n = 1; const auto& names : rows) {
    Step step{.concurrency = n};
    step.model_names = names;
    result.steps.push_back(step);
    n *= 4;
  }
  Verdict verdict;
  judge_answer_models(result, verdict);
  return verdict;
}

TEST(AnswerModels, AnotherOneThatAnswersWhereTheHostIsFullIsAReservation) {
  // Of 400 answers 300 are of a model whose mark is 100.
  const ModelNames alone{.answers = 40}, both{.answers = 400, .mean = 75, .variance = 1875};
  EXPECT_NEAR(both.others(0), 0.75, 1e-9);
  const Verdict verdict = judged_models({alone, alone, both});
  ASSERT_EQ(verdict.remarks().size(), 1u);
  EXPECT_EQ(verdict.remarks()[0].code, "other_models");
  EXPECT_EQ(verdict.trust(), Trust::kReserved);
  EXPECT_EQ(verdict.reasons()[0].find("at 16 75 % of the answers name another model than those at 1:"), 0u)
      << verdict.reasons()[0];
  const ModelNames only_other{.answers = 400, .mean = 100};
  EXPECT_EQ(judged_models({alone, only_other}).trust(), Trust::kReserved);
}

TEST(AnswerModels, OneNameAndSeveralAtEveryLoadAreNotWorthAWord) {
  const ModelNames alias{.answers = 400, .mean = 812}, several{.answers = 400, .mean = 75, .variance = 1875};
  EXPECT_TRUE(judged_models({alias, alias}).remarks().empty());
  EXPECT_TRUE(judged_models({several, several}).remarks().empty());
  EXPECT_TRUE(judged_models({std::nullopt, alias}).remarks().empty());
  EXPECT_TRUE(judged_models({}).remarks().empty());
}

TEST(AnswerLengths, FewAnswersAndInvalidRowsTellNothing) {
  EXPECT_TRUE(judged({counted_row(1, 48, 0, 20), counted_row(64, 12)}).remarks().empty());
  EXPECT_TRUE(judged({counted_row(1, 48), counted_row(64, 12, 0, 20)}).remarks().empty());
  Step bad = counted_row(64, 12);
  bad.valid = false;
  EXPECT_TRUE(judged({counted_row(1, 48), bad}).remarks().empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
