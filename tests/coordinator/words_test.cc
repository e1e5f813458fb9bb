#include "coordinator/words/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Words, ANameOfThePlanIsNeverGivenACapital) {
  ScenarioResult result{.target = "host", .scenario = "lengths[short]"};
  const Remark remark{.text = words::of_result(result, "no step is valid"), .remedy = "run again"};
  EXPECT_EQ(remark_sentence(remark), "In lengths[short] on host: no step is valid. Run again.");
  const words::Absence absence{.replica = "pod-1", .replicas = 3, .begin = 192, .silent = true};
  EXPECT_THAT(remark_sentence({.text = words::absence(absence)}),
              StartsWith("Replica pod-1, one of 3, stopped answering at 03:12: "));
}

TEST(Words, AHostThatWasGoneIsToldWithWhatFailed) {
  words::Absence absence{.begin = 192, .failed = 40};
  absence.kinds.failed = 40;
  absence.kinds.by_outcome[static_cast<std::size_t>(Outcome::kConnect)] = 40;
  EXPECT_EQ(words::absence(absence),
            "the host stopped answering at 03:12: all 40 requests since then failed (not connected)");
  EXPECT_EQ(words::absence_in_short(absence), "the host stopped answering at 03:12");
  absence.kinds.by_outcome[static_cast<std::size_t>(Outcome::kConnect)] = 32;
  absence.kinds.by_outcome[static_cast<std::size_t>(Outcome::kStream)] = 8;
  absence.ended = true;
  absence.end = 220;
  EXPECT_EQ(
      words::absence(absence),
      "the host gave no answer from 03:12 to 03:40: all 40 requests failed (32 × not connected, 8 × broken "
      "off)");
  absence.ended = false;
  absence.failed = 1;
  EXPECT_THAT(words::absence(absence), HasSubstr("the only request since then failed"));
}

/// A remark finds the reason of its flag among those of the row by words that stand in no other.
TEST(Words, TheReasonThatGoesWithAFlagIsFound) {
  Step step;
  step.warn("RX_LAG", words::lag_corrected(0.003, 0.009));
  step.warn("BUFFERED", words::in_one_piece(0.9));
  step.warn("FLUSHED", words::flushed(4, 0.1));
  step.warn("EARLY_FIRST", words::first_comes_alone(0.9, 1.3));
  step.warn("ECHO", words::more_chunks_than_tokens(25, 24));
  step.warn("CACHED_ANSWERS", words::out_of_a_cache(0.4));
  step.warn("RECONNECTS", words::sent_again(3, 40));
  step.warn("UNANSWERED", words::unanswered(2));
  step.invalidate("HANGING", words::hanging(8, 4, 0, 30));
  EXPECT_EQ(words::reason_with(step, "BUFFERED"), words::in_one_piece(0.9));
  EXPECT_EQ(words::reason_with(step, "FLUSHED"), words::flushed(4, 0.1));
  EXPECT_EQ(words::reason_with(step, "EARLY_FIRST"), words::first_comes_alone(0.9, 1.3));
  EXPECT_EQ(words::reason_with(step, "ECHO"), words::more_chunks_than_tokens(25, 24));
  EXPECT_EQ(words::reason_with(step, "CACHED_ANSWERS"), words::out_of_a_cache(0.4));
  EXPECT_EQ(words::reason_with(step, "RECONNECTS"), words::sent_again(3, 40));
  EXPECT_EQ(words::reason_with(step, "UNANSWERED"), words::unanswered(2));
  EXPECT_EQ(words::reason_with(step, "HANGING"), words::hanging(8, 4, 0, 30));
  EXPECT_EQ(words::reason_with(step, "RX_LAG"), "");
}

TEST(Words, OneAndManyAreToldApart) {
  EXPECT_EQ(words::soaked({.concurrency = 1, .seconds = 3600, .bin_seconds = 60, .valid = 60, .bins = 60}),
            "1 request in flight held for 60 min 0 s; all 60 bins of 60.0 s are valid.");
  EXPECT_EQ(words::soaked({.concurrency = 8, .seconds = 420, .bin_seconds = 60, .valid = 6, .bins = 7}),
            "8 requests in flight held for 420 s; 6 of 7 bins of 60.0 s are valid.");
  EXPECT_EQ(words::invalid_bins(1, 7), "1 of 7 bins is invalid");
  EXPECT_EQ(words::trust_and_why("not trustworthy", "no step is valid", 0),
            "not trustworthy: no step is valid");
  EXPECT_EQ(words::trust_and_why("not trustworthy", "no step is valid", 2),
            "not trustworthy: no step is valid; 2 more in the report");
}

}  // namespace
}  // namespace kneepoint::coordinator
