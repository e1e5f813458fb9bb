#include "coordinator/compare/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <sstream>

#include "coordinator/compare/render.h"
#include "coordinator/compare/threshold.h"
#include "coordinator/report/columns.h"
#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using scenes::find;
using scenes::limit;
using scenes::of;
using scenes::report;
using scenes::row;
using scenes::with_failures;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Compare, FindsWhatDiffersAndOnlyThat) {
  const Comparison comparison = of(
      {report({row(8, 800, 0.02), row(16, 1500, 0.03)}), report({row(8, 805, 0.02), row(16, 1200, 0.045)})});
  EXPECT_EQ(judgement(*find(comparison, "throughput", 8), 1), "not significant");
  EXPECT_EQ(judgement(*find(comparison, "throughput", 16), 1), "worse");
  EXPECT_NEAR(find(comparison, "throughput", 16)->differences[1]->ratio, -0.2, 1e-12);
  EXPECT_EQ(judgement(*find(comparison, "ttft_p50", 16), 1), "worse");
  EXPECT_EQ(judgement(*find(comparison, "ttft_p99", 16), 1), "not tested");
  EXPECT_GT(comparison.tests, 3u);
}

TEST(Compare, InvalidRowsAreRefusedWithTheirReason) {
  Step bad = row(16, 1200, 0.05);
  bad.invalidate("LOW_OCCUPANCY", "only 12 of 16 were in flight");
  const Comparison comparison =
      of({report({row(8, 800, 0.02), row(16, 1500, 0.03)}), report({row(8, 800, 0.02), bad})});
  EXPECT_EQ(find(comparison, "throughput", 16), nullptr);
  EXPECT_THAT(comparison.results[0].remarks,
              Contains(HasSubstr("16: not compared, invalid in B: only 12 of 16 were in flight")));
}

TEST(Compare, AValidRepetitionStandsForAnInvalidStep) {
  Step bad = row(16, 1, 1);
  bad.invalidate("UNSTEADY", "x");
  const Comparison comparison = of({report({bad, row(16, 1500, 0.03)}), report({row(16, 1500, 0.03)})});
  ASSERT_NE(find(comparison, "throughput", 16), nullptr);
  EXPECT_EQ(find(comparison, "throughput", 16)->differences[1]->ratio, 0);
}

TEST(Compare, SaysWhenTheWorkloadsDiffer) {
  const auto differ = of({report({row(8, 1, 1)}), report({row(8, 1, 1)}, "host", "other")});
  EXPECT_THAT(differ.results[0].remarks,
              Contains(HasSubstr("WORKLOADS DIFFER: A: asks same; B: asks other")));
  const auto unknown = of({report({row(8, 1, 1)}), report({row(8, 1, 1)}, "host", "")});
  EXPECT_THAT(unknown.results[0].remarks, Contains(HasSubstr("is not known")));
  EXPECT_THAT(of({report({row(8, 1, 1)}), report({row(8, 1, 1)})}).results[0].remarks, IsEmpty());
}

TEST(Compare, OtherTargetsAreMatchedByTheirScenario) {
  const Comparison comparison = of({report({row(8, 100, 1)}), report({row(8, 120, 1)}, "gpu-2")});
  EXPECT_EQ(comparison.results[0].title, "chat");
  EXPECT_NEAR(find(comparison, "throughput", 8)->differences[1]->ratio, 0.2, 1e-12);
  EXPECT_THAT(comparison.results[0].remarks, Contains(HasSubstr("A: chat on host; B: chat on gpu-2")));
}

TEST(Compare, TokensCountedDifferentlyAreNotCompared) {
  Step chunks = row(8, 100, 1);
  chunks.token_source = TokenSource::kChunks;
  const Comparison comparison = of({report({row(8, 100, 1)}), report({chunks})});
  EXPECT_FALSE(find(comparison, "throughput", 8)->differences[1]);
  EXPECT_TRUE(find(comparison, "ttft_p50", 8)->differences[1]);
}

TEST(Compare, SaturationOfAnUntrustworthyRunIsShownNotCompared) {
  Report a = report({row(8, 100, 1)}), b = a;
  a.results[0].saturation = {.concurrency = 30, .ci95 = Interval{28, 32}};
  b.results[0].saturation = {.concurrency = 15, .ci95 = Interval{14, 16}};
  const Comparison trusted = of({a, b});
  EXPECT_EQ(judgement(*find(trusted, "n_sat", {}), 1), "worse");
  b.verdict.warn("clocks", "agents' clocks may differ by 80 ms");
  b.verdict.refuse("agent_lost", "an agent was lost");
  b.results[0].verdict.warn("short_windows", "1 of 4 windows are short");
  const Comparison untrusted = of({a, b});
  EXPECT_FALSE(find(untrusted, "n_sat", {})->differences[1]);
  EXPECT_THAT(untrusted.remarks, Contains(HasSubstr("B is not trustworthy (an agent was lost)")));
}

TEST(Compare, OneResultsTroubleIsNotAnothers) {
  Report a = report({row(8, 100, 1)}), b = a;
  for (Report* each : {&a, &b}) {
    each->results.push_back(each->results[0]);
    each->results[1].scenario = "batch";
    for (ScenarioResult& result : each->results)
      result.saturation = {.concurrency = 30, .ci95 = Interval{28, 32}};
  }
  b.results[1].verdict.refuse("target_down", "the host stopped answering at 03:12");
  b.verdict.refuse("target_down", "batch on host: the host stopped answering at 03:12");
  const Comparison comparison = of({a, b});
  EXPECT_THAT(comparison.remarks,
              Contains(HasSubstr("is not trustworthy (the host stopped answering at 03:12)")));
  EXPECT_EQ(comparison.remarks.size(), 1u);
  const auto compared = [&](std::size_t result) {
    for (const ComparedRow& each : comparison.results.at(result).rows) {
      if (each.metric == "n_sat") return each.differences[1].has_value();
    }
    return false;
  };
  EXPECT_TRUE(compared(0));
  EXPECT_FALSE(compared(1));
}

TEST(Compare, SloLimitsThatHoldNowhereAreALoss) {
  Report a = report({row(8, 100, 1)}), b = a;
  a.results[0].slo.criteria = {{"ttft_p95", 0.5, 16.0, Interval{16, 32}, "BRACKETED"}};
  b.results[0].slo.criteria = {{"ttft_p95", 0.5, {}, {}, "FAIL"}};
  const Comparison comparison = of({a, b});
  const ComparedRow& row = *find(comparison, "n_slo", {});
  EXPECT_EQ(row.differences[1]->ratio, -1);
  EXPECT_EQ(judgement(row, 1), "worse");
}

/// Rows of a load that moved from `from` on by one each `seconds`.
Report survey(std::uint32_t from, double seconds, double tokens = 100) {
  std::vector<Step> steps;
  for (std::uint32_t i = 0; i < 4; ++i) {
    steps.push_back(row(from + i, tokens * (from + i), 0.02));
    steps.back().window_begin_seconds = seconds * i;
    steps.back().warn("MOVING", "");
  }
  Report made = report(std::move(steps));
  made.results[0].saturation = {.concurrency = 9, .ci95 = Interval{8, 10}};
  made.results[0].slo.criteria = {{"ttft_p95", 0.5, 8.0, Interval{8, 9}, "BRACKETED"}};
  return made;
}

TEST(Compare, AMovingLoadIsNotComparedWithOneThatStoodStill) {
  Report steady = report({row(8, 800, 0.02), row(10, 1000, 0.02)});
  steady.results[0].saturation = {.concurrency = 30, .ci95 = Interval{28, 32}};
  steady.results[0].slo.criteria = {{"ttft_p95", 0.5, 16.0, Interval{16, 32}, "BRACKETED"}};
  for (const bool survey_first : {false, true}) {
    const Comparison comparison =
        survey_first ? of({survey(8, 5, 50), steady}) : of({steady, survey(8, 5, 50)});
    EXPECT_THAT(comparison.results[0].remarks,
                ElementsAre(HasSubstr(survey_first ? "THE LOAD MOVED in A (a survey) and stood still in B"
                                                   : "THE LOAD MOVED in B (a survey) and stood still in A"),
                            HasSubstr("measured validly in")));
    for (const ComparedRow& each : comparison.results[0].rows) {
      EXPECT_FALSE(each.differences[1]) << each.title;
      EXPECT_EQ(each.refused[1], each.figures[0].sample && each.figures[1].sample) << each.title;
    }
    ASSERT_NE(find(comparison, "throughput", 8), nullptr) << "shown side by side";
    EXPECT_EQ(comparison.tests, 0u);
    for (const char* threshold : {"throughput<-5%", "n_sat<-5%", "n_slo<-5%", "max_throughput<-5%"}) {
      const ThresholdResult result = check(limit(threshold), comparison, true);
      EXPECT_EQ(result.checked, 0u) << threshold;
      EXPECT_THAT(result.refused, ElementsAre(HasSubstr("may not be compared"))) << threshold;
    }
  }
}

TEST(Compare, AGateThatAPartOfWasRefusedSaysSo) {
  // One scenario stood still in both runs, the other moved in one.
  Report base = report({row(8, 800, 0.02)}), other = base;
  base.results.push_back(base.results[0]);
  other.results.push_back(survey(8, 5).results[0]);
  base.results[1].scenario = other.results[1].scenario = "batch";
  const ThresholdResult result = check(limit("throughput<-5%"), of({base, other}), true);
  EXPECT_EQ(result.checked, 1u);
  EXPECT_THAT(result.refused, ElementsAre(HasSubstr("batch on host, output tok/s: B against A")));
}

TEST(Compare, SurveysOfOnePaceAreComparedWithEachOther) {
  const Comparison alike = of({survey(8, 5), survey(8, 5, 80)});
  EXPECT_THAT(alike.results[0].remarks, IsEmpty());
  EXPECT_EQ(judgement(*find(alike, "throughput", 8), 1), "worse");
  const Comparison faster = of({survey(8, 5), survey(8, 2.5, 80)});
  EXPECT_THAT(faster.results[0].remarks,
              ElementsAre(HasSubstr("THE LOAD MOVED at another pace in B (+0.4 a second) than in A (+0.2)")));
  EXPECT_FALSE(find(faster, "throughput", 8)->differences[1]);
}

/// Neither scan reached twice its saturation point.
TEST(Compare, TwoLowerBoundsAreShownAndPassAGate) {
  Report a = report({row(8, 100, 1)}), b = a;
  a.results[0].saturation = {.lower_bound = 64};
  b.results[0].saturation = {.lower_bound = 32};
  a.results[0].slo.criteria = b.results[0].slo.criteria = {{"ttft_p95", 0.5, 64.0, {}, "PASS"}};
  const Comparison comparison = of({a, b});
  const ComparedRow& row = *find(comparison, "n_sat", {});
  EXPECT_EQ(row.figures[0].text, "> 64");
  EXPECT_EQ(difference_text(row, 1), "only bounds known, not significant");
  for (const bool only_significant : {true, false}) {
    const ThresholdResult result = check(limit("n_sat<-10%"), comparison, only_significant);
    EXPECT_EQ(result.checked, 1u);
    EXPECT_THAT(result.missed, IsEmpty());
    EXPECT_THAT(result.refused, IsEmpty());
    // The second scan told less: what lies above 32 may lie below 58.
    EXPECT_THAT(result.undecided, ElementsAre(HasSubstr("only bounds known")));
    const ThresholdResult slo = check(limit("n_slo<-10%"), comparison, only_significant);
    EXPECT_EQ(slo.checked, 1u);
    EXPECT_TRUE(slo.missed.empty() && slo.undecided.empty()) << "both hold to the same top";
  }
  const std::string html = render_html(comparison);
  EXPECT_THAT(html, HasSubstr("only bounds known"));
}

TEST(Compare, OneLowerBoundBoundsTheDifference) {
  Report known = report({row(8, 100, 1)}), open = known;
  known.results[0].saturation = {.concurrency = 30, .ci95 = Interval{28, 32}};
  const auto against = [&](double bound, bool open_first) {
    open.results[0].saturation = {.lower_bound = bound};
    return open_first ? of({open, known}) : of({known, open});
  };
  const auto text = [](const Comparison& c) { return difference_text(*find(c, "n_sat", {}), 1); };
  const auto fell = [](const Comparison& c, bool only_significant) {
    return check(limit("n_sat<-10%"), c, only_significant);
  };
  // It saturates later: surely, and by how much at least.
  EXPECT_EQ(text(against(45, false)), "at least +50.0 %, better");
  EXPECT_EQ(check(limit("n_sat>+10%"), against(45, false), true).missed.size(), 1u);
  // A scan that ended early says nothing: it may have lost half, or nothing.
  EXPECT_EQ(text(against(15, false)), "at least -50.0 %, not significant");
  EXPECT_TRUE(fell(against(15, false), false).missed.empty());
  EXPECT_EQ(fell(against(15, false), false).undecided.size(), 1u);
  // The other way round.
  EXPECT_EQ(text(against(45, true)), "at most -33.3 %, worse");
  EXPECT_EQ(fell(against(45, true), true).missed.size(), 1u);
  EXPECT_EQ(text(against(15, true)), "at most +100.0 %, not significant");
  EXPECT_TRUE(fell(against(15, true), false).missed.empty());
  // A bound within the limit is no difference within it, unless it keeps the true one there.
  const auto said = [](const Comparison& c, const char* text) {
    return judge(limit(text), c, true).explanation;
  };
  EXPECT_THAT(said(against(15, true), "n_sat<-10%"), HasSubstr("only a bound is within it: "));
  EXPECT_THAT(said(against(30, false), "n_sat>+10%"), HasSubstr("only a bound is within it: "));
  EXPECT_EQ(said(against(30, false), "n_sat<-10%"), "1 difference within it");
}

TEST(Compare, OpenLoopsAreCalledByTheirRate) {
  Step slow = row(512, 800, 0.02);
  slow.offered_rate = 8;
  Report a = report({slow}), b = a;
  a.results[0].slo.criteria = b.results[0].slo.criteria = {{"ttft_p95", 0.5, {}, {}, "FAIL"}};
  const Comparison comparison = of({a, b});
  EXPECT_THAT(find(comparison, "max_throughput", {})->figures[0].text, HasSubstr(" at 8/s"));
  EXPECT_EQ(find(comparison, "n_slo", {})->figures[0].text, "< 8");
}

TEST(Compare, RequestsOneAtATimeAreTestedByTheirOwnSpread) {
  const auto alone = [](double ttft) {
    Step step{.concurrency = 1};
    step.requests.completed = 30;
    step.ttft_seconds = {.count = 30, .mean = ttft, .stddev = 0.002, .p50 = ttft};
    step.classes = {{.name = "short", .ttft_seconds = step.ttft_seconds}};
    return step;
  };
  const Comparison comparison = of({report({alone(0.050)}), report({alone(0.060)})});
  EXPECT_EQ(judgement(*find(comparison, "ttft_mean", 1), 1), "worse");
  const auto& rows = comparison.results[0].rows;
  EXPECT_TRUE(std::any_of(rows.begin(), rows.end(),
                          [](const ComparedRow& r) { return r.title == "TTFT mean, short"; }));
}

TEST(Compare, RendersSideBySide) {
  const Comparison comparison = of({report({row(16, 1500, 0.03)}), report({row(16, 1200, 0.045)})});
  const std::string text = render_text(comparison);
  EXPECT_THAT(text, HasSubstr("-20.0 % ("));
  EXPECT_THAT(text, HasSubstr("), worse"));
  EXPECT_THAT(text, HasSubstr("B against A, chat on host: most tok/s -20.0 % ("));
  EXPECT_THAT(text, HasSubstr("Holm"));
  EXPECT_THAT(render_markdown(comparison), HasSubstr("| output tok/s | 16 | 1,500 ± "));
}

TEST(Compare, TextFitsNarrowTerminalsWithTheDifference) {
  const Comparison comparison = of({report({row(16, 1500, 0.03)}), report({row(16, 1200, 0.045)})});
  for (const std::size_t width : {60u, 80u, 100u}) {
    std::istringstream lines(render_text(comparison, width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(column_width(line), width) << line;
  }
  EXPECT_THAT(render_text(comparison, 60), HasSubstr("B against A"));
  EXPECT_THAT(render_text(comparison, 60), HasSubstr("worse"));
}

TEST(Compare, NamesCannotBreakOutOfTheHtml) {
  const std::string hostile = "</script><img src=x onerror=alert(1)>";
  const std::string html =
      render_html(of({report({row(16, 1500, 0.03)}, hostile), report({row(16, 1200, 0.045)}, hostile)}));
  EXPECT_THAT(html, Not(HasSubstr(hostile)));
  EXPECT_THAT(html, HasSubstr("&lt;img"));
}

TEST(Compare, ARowThatLaterOnesHaveRefutedIsNotTheOneThatIsCompared) {
  Step before = row(16, 3000, 0.03);
  before.requests.completed = 100000;
  before.warn("SUPERSEDED", "the host has moved on since");
  const Comparison comparison = of({report({row(16, 1500, 0.03)}), report({before, row(16, 1510, 0.03)})});
  EXPECT_NEAR(find(comparison, "throughput", 16)->differences[1]->ratio, 0.0067, 0.001);
  EXPECT_NEAR(find(comparison, "max_throughput", {})->differences[1]->ratio, 0.0067, 0.001);
}

TEST(Compare, AnSloThatHoldsNowhereInBothHasNotChanged) {
  Report a = report({row(8, 800, 0.02)});
  a.results[0].slo.criteria = {{"ttft_p95", 0.01, {}, {}, "FAIL"}};
  EXPECT_EQ(judge(limit("n_slo<-10%"), of({a, a}), true).state, "HELD");
  Report b = a;
  b.results[0].slo.criteria = {{"ttft_p95", 0.01, 8.0, Interval{8, 16}, "BRACKETED"}};
  const Comparison better = of({a, b});
  EXPECT_EQ(difference_text(*find(better, "n_slo", {}), 1), "from nothing, better");
  EXPECT_EQ(judge(limit("n_slo<-10%"), better, true).state, "HELD");
  EXPECT_EQ(judge(limit("n_slo<-10%"), of({b, a}), true).state, "MISSED");
}

TEST(Compare, TheHeadlineSaysWhatDiffers) {
  const auto words = [](const Comparison& comparison) { return headlines(comparison).front(); };
  const std::vector<Step> fast = {row(8, 800, 0.02), row(16, 1500, 0.02)},
                          slow = {row(8, 600, 0.02), row(16, 1200, 0.02)};
  EXPECT_EQ(words(of({report(fast), report(slow)})),
            "B is slower than A: output tok/s -25.0 to -20.0 % at every load.");
  EXPECT_THAT(words(of({report(slow), report(fast)})), HasSubstr("B is faster than A: "));
  EXPECT_EQ(words(of({report(fast), report(fast)})), "B does not differ significantly from A.");
  EXPECT_EQ(words(of({report({with_failures(0)}), report({with_failures(20)})})),
            "B fails more than A: errors 0 % → 1.96 % at 8.");
  EXPECT_EQ(render_line(of({report({}), report({})})), "nothing could be compared\n");
  Report before = report(fast), after = report(fast);
  before.results[0].saturation = {.concurrency = 30, .ci95 = Interval{28, 32}};
  after.results[0].saturation = {.concurrency = 15, .ci95 = Interval{14, 16}};
  EXPECT_EQ(words(of({before, after})), "B differs significantly from A in N_sat only.");
}

TEST(Compare, JsonHasWhatTheTablesHave) {
  Comparison comparison = of({report({row(8, 800, 0.02)}), report({row(8, 600, 0.02)})});
  comparison.thresholds = {{"a<\"b\"", "MISSED", "why"}};
  const std::string text = render_json(comparison, 4, "threshold_missed");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(text).get(root), simdjson::SUCCESS);
  EXPECT_EQ(std::string_view(root["schema"]), "kneepoint.comparison/1");
  EXPECT_EQ(std::int64_t(root.at_pointer("/exit/code")), 4);
  EXPECT_EQ(std::string_view(root.at_pointer("/thresholds/0/expression")), "a<\"b\"");
  EXPECT_EQ(std::string_view(root.at_pointer("/runs/1/label")), "B");
  const auto first = root.at_pointer("/results/0/rows/0");
  EXPECT_EQ(std::string_view(first["metric"]), "max_throughput");
  bool found = false;
  for (const simdjson::dom::element each : simdjson::dom::array(root.at_pointer("/results/0/rows"))) {
    if (std::string_view(each["metric"]) != "throughput") continue;
    found = true;
    EXPECT_EQ(double(each["load"]), 8);
    EXPECT_NEAR(double(each.at_pointer("/differences/0/ratio")), -0.25, 1e-9);
    EXPECT_EQ(std::string_view(each.at_pointer("/differences/0/judgement")), "worse");
  }
  EXPECT_TRUE(found);
}

TEST(Compare, SharesDifferByPoints) {
  const Comparison comparison = of({report({with_failures(0)}), report({with_failures(20)})});
  const ComparedRow* const errors = find(comparison, "error_ratio", 8);
  ASSERT_NE(errors, nullptr);
  EXPECT_THAT(difference_text(*errors, 1), AllOf(HasSubstr("+2.0 pt ("), HasSubstr("), worse")));
  EXPECT_EQ(check(limit("errors>+1pt"), comparison, true).missed.size(), 1u);
  EXPECT_THAT(check(limit("errors>+3pt"), comparison, true).missed, IsEmpty());
  // Two more of a thousand may be chance.
  const Comparison alike = of({report({with_failures(0)}), report({with_failures(2)})});
  EXPECT_EQ(judgement(*find(alike, "error_ratio", 8), 1), "not significant");
  EXPECT_EQ(find(of({report({row(8, 800, 0.02)}), report({row(8, 800, 0.02)})}), "error_ratio", 8), nullptr)
      << "nobody counted";
}

TEST(Compare, TheFirstAnswerIsShownWhereReasoningComesBefore) {
  const auto runs = [](double ttfo) {
    Step step = row(8, 800, 0.02);
    step.ttfo_seconds = step.ttft_seconds;
    step.ttfo_seconds.mean = step.ttfo_seconds.p50 = ttfo;
    return of({report({step}), report({step})});
  };
  EXPECT_EQ(find(runs(0.02), "ttfo_p50", 8), nullptr);
  EXPECT_NE(find(runs(0.5), "ttfo_p50", 8), nullptr);
}

}  // namespace
}  // namespace kneepoint::coordinator
