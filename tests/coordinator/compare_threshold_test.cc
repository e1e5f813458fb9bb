#include "coordinator/compare/threshold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using scenes::limit;
using scenes::of;
using scenes::report;
using scenes::row;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Threshold, OnlySignificantDifferencesCountUnlessSaidOtherwise) {
  const Comparison comparison = of({report({row(8, 800, 0.02, 0.2), row(16, 1500, 0.03)}),
                                    report({row(8, 700, 0.02, 0.2), row(16, 1200, 0.03)})});
  const Threshold threshold = limit("throughput<-5%");
  const ThresholdResult strict = check(threshold, comparison, true);
  EXPECT_EQ(strict.checked, 2u);
  EXPECT_THAT(strict.missed, ElementsAre(HasSubstr("output tok/s at 16: B against A: -20.0 %")));
  EXPECT_THAT(strict.undecided, ElementsAre(HasSubstr("at 8")));
  EXPECT_EQ(check(threshold, comparison, false).missed.size(), 2u);
  EXPECT_EQ(check(limit("n_slo<-1%"), comparison, true).checked, 0u);
}

// "past it, but undecided: -46.4 % (-64.7 to -18.8)" was a pass: the figures that nobody asked for had taken
// the gate's power.
TEST(Threshold, IsTestedForItsOwnFiguresAlone) {
  const Comparison comparison = of({report({row(8, 800, 0.02, 0.02), row(16, 1500, 0.03, 0.02)}),
                                    report({row(8, 800, 0.02, 0.02), row(16, 1395, 0.03, 0.02)})});
  EXPECT_EQ(judgement(*scenes::find(comparison, "throughput", 16), 1), "not significant")
      << "of all that is compared";
  const ThresholdResult strict = check(limit("throughput<-5%"), comparison, true);
  EXPECT_THAT(strict.missed, ElementsAre(AllOf(HasSubstr("output tok/s at 16: B against A: -7.0 % ("),
                                               HasSubstr("), more than chance for this limit alone"))));
  EXPECT_THAT(check(limit("throughput>+5%"), comparison, true).missed, IsEmpty());
  EXPECT_THAT(check(limit("throughput<-8%"), comparison, true).missed, IsEmpty()) << "it is within";
}

TEST(Threshold, IsHeldAgainstTheRowsOfItsLoadOnly) {
  const Comparison comparison = of(
      {report({row(8, 800, 0.02), row(16, 1500, 0.03)}), report({row(8, 800, 0.02), row(16, 1200, 0.03)})});
  EXPECT_EQ(check(limit("throughput@16<-5%"), comparison, true).missed.size(), 1u);
  const ThresholdResult kept = check(limit("throughput@8<-5%"), comparison, true);
  EXPECT_EQ(kept.checked, 1u);
  EXPECT_THAT(kept.missed, IsEmpty());
  EXPECT_EQ(check(limit("throughput@9<-5%"), comparison, true).checked, 0u);
}

TEST(Threshold, IsJudgedInOneLine) {
  const Comparison comparison = of({report({row(8, 800, 0.02, 0.2), row(16, 1500, 0.03)}),
                                    report({row(8, 700, 0.02, 0.2), row(16, 1200, 0.03)})});
  const auto outcome = [&](const char* text) { return judge(limit(text), comparison, true); };
  EXPECT_EQ(outcome("throughput<-5%").state, "MISSED");
  EXPECT_THAT(outcome("throughput<-5%").explanation, HasSubstr("output tok/s at 16: B against A: -20.0 %"));
  EXPECT_EQ(outcome("throughput@8<-5%").state, "HELD");
  EXPECT_THAT(outcome("throughput@8<-5%").explanation, HasSubstr("undecided: "));
  EXPECT_EQ(outcome("throughput<-50%").explanation, "2 differences within it");
  EXPECT_EQ(outcome("gpu_memory>+1%").state, "UNCHECKED");
}

TEST(Threshold, PastItAndUntestedIsNoPass) {
  const Comparison comparison = of({report({row(16, 1500, 0.03)}), report({row(16, 1500, 0.045)})});
  const ThresholdOutcome strict = judge(limit("ttft_p99>+10%"), comparison, true);
  EXPECT_EQ(strict.state, "UNCHECKED");
  EXPECT_THAT(strict.explanation, HasSubstr("past it, but that was not tested: "));
  EXPECT_EQ(judge(limit("ttft_p99>+10%"), comparison, false).state, "MISSED");
  EXPECT_EQ(judge(limit("ttft_p99>+80%"), comparison, true).state, "HELD");
}

TEST(Threshold, WhatOnlyTheBaseHasIsNoPass) {
  Step bad = row(16, 1500, 0.03);
  bad.invalidate("TARGET_DOWN", "the host is gone");
  Step refuted = row(16, 1500, 0.03);
  refuted.warn("SUPERSEDED", "the host has moved on since");
  Step few = row(16, 1500, 0.03);
  few.ttft_seconds.p95.reset();
  const Report base = report({row(8, 800, 0.02), row(16, 1500, 0.03)});
  for (const Step& broken : {bad, refuted}) {
    const Comparison comparison = of({base, report({row(8, 800, 0.02), broken})});
    EXPECT_EQ(judge(limit("throughput<-5%"), comparison, true).state, "UNCHECKED");
    EXPECT_THAT(judge(limit("throughput<-5%"), comparison, true).explanation,
                HasSubstr("output tok/s at 16: its row does not count in B"));
    EXPECT_EQ(judge(limit("throughput@8<-5%"), comparison, true).state, "HELD");
    // What the base itself has not is no reference.
    EXPECT_EQ(judge(limit("throughput<-5%"), of({report({row(8, 800, 0.02), broken}), base}), true).state,
              "HELD");
  }
  const Comparison comparison = of({base, report({row(8, 800, 0.02), few})});
  EXPECT_THAT(judge(limit("ttft_p95>+10%"), comparison, true).explanation,
              HasSubstr("TTFT p95 at 16: not measured in B"));
  EXPECT_EQ(judge(limit("ttft_p95>+10%"), comparison, true).state, "UNCHECKED");
}

// A run that was interrupted after two of six loads passed for them.
TEST(Threshold, ALoadThatTheOtherRunNeverReachedIsNoPass) {
  const Report base = report({row(8, 800, 0.02), row(16, 1500, 0.03)});
  const auto judged = [&](Report other) {
    return judge(limit("throughput<-5%"), of({base, std::move(other)}), true);
  };
  EXPECT_EQ(judged(report({row(8, 800, 0.02)})).state, "UNCHECKED");
  EXPECT_THAT(judged(report({row(8, 800, 0.02)})).explanation,
              HasSubstr("output tok/s at 16: not measured in B"));
  EXPECT_EQ(judge(limit("throughput@8<-5%"), of({base, report({row(8, 800, 0.02)})}), true).state, "HELD");
  // What it measured besides is its own affair, and so is which loads a search chooses.
  EXPECT_EQ(judged(report({row(8, 800, 0.02), row(16, 1500, 0.03), row(32, 1600, 0.1)})).state, "HELD");
  Step looked = row(12, 1100, 0.02);
  looked.scout = true;
  EXPECT_EQ(judged(report({row(8, 800, 0.02), looked})).state, "HELD");
  // A scenario that it does not have is not measured at any load.
  Report two = base;
  two.results.push_back(base.results.front());
  two.results.back().scenario = "code";
  EXPECT_EQ(judge(limit("throughput<-5%"), of({two, base}), true).state, "UNCHECKED");
}

TEST(Threshold, SaysHowManyRowsItDidNotLookAt) {
  Step few = row(8, 800, 0.02);
  few.ttft_seconds.p95 = std::nullopt;
  const Report base = report({few, row(16, 1500, 0.03)});
  EXPECT_EQ(judge(limit("ttft_p95>+10%"), of({base, base}), false).explanation,
            "1 difference within it; not looked at: 1 row of the base without such a figure");
}

}  // namespace
}  // namespace kneepoint::coordinator
