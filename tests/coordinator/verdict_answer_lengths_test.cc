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

TEST(AnswerLengths, FewAnswersAndInvalidRowsTellNothing) {
  EXPECT_TRUE(judged({counted_row(1, 48, 0, 20), counted_row(64, 12)}).remarks().empty());
  EXPECT_TRUE(judged({counted_row(1, 48), counted_row(64, 12, 0, 20)}).remarks().empty());
  Step bad = counted_row(64, 12);
  bad.valid = false;
  EXPECT_TRUE(judged({counted_row(1, 48), bad}).remarks().empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
