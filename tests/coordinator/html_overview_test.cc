#include "coordinator/report/html/overview.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "coordinator/report/html/html.h"
#include "coordinator/report/matrix.h"
#include "tests/browser/sample_report.h"
#include "tests/support/occurrences.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MatrixName, IsTakenApart) {
  const auto name = matrix_name("long[input_tokens=1024,output_tokens=64]");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->scenario, "long");
  EXPECT_THAT(name->axes, ElementsAre("input_tokens", "output_tokens"));
  EXPECT_THAT(name->values, ElementsAre("1024", "64"));
}

TEST(MatrixName, OtherNamesAreNone) {
  for (const char* name :
       {"", "chat", "chat[]", "chat[a]", "chat[a=1", "chat[=1]", "chat[a=1,]", "chat[a=1]b"})
    EXPECT_FALSE(matrix_name(name)) << name;
}

TEST(Matrices, ThePointsOfOneScenarioOnOneTarget) {
  const Report report = sample::matrix_report();
  const auto matrices = matrices_of(report);
  ASSERT_EQ(matrices.size(), 1u);
  EXPECT_EQ(matrices[0].points.size(), 9u);
  EXPECT_EQ(matrices[0].points[4].result, 4u);
  EXPECT_TRUE(matrices_of(sample::report()).empty());
}

TEST(HtmlOverview, SeveralResultsLeadWithOneTableAndAreFolded) {
  const Report report = sample::matrix_report();
  const std::string page = render_html(report, sample::timeline(report), "");
  EXPECT_EQ(occurrences(page, R"(<table class="overview")"), 1u);
  EXPECT_EQ(occurrences(page, R"(<details class="cell">)"), 9u);
  EXPECT_LT(page.find(R"(<table class="overview")"), page.find(R"(<div class="trust )"));
  for (int i = 0; i < 9; ++i) EXPECT_THAT(page, HasSubstr("<a href=\"#result-" + std::to_string(i) + "\">"));
  EXPECT_THAT(page, HasSubstr("9 results on h200-pair: "));
}

TEST(HtmlOverview, LeadsWithWhatIsClaimedAndNoMore) {
  Report report = sample::targets_report();
  for (ScenarioResult& result : report.results) result.saturation = {};
  report.results[0].saturation.concurrency = 22.8;
  report.results[0].saturation.ci95 = Interval{21, 24};
  report.results[1].saturation.ci95 = Interval{16, 32};  // a range: no point in it is one
  EXPECT_THAT(html::overview_sentence(report), HasSubstr("; N_sat 16 to 32, not found or not trusted in 1."));
  report.results[1].verdict.refuse("contradicted", "its rows contradict each other");
  EXPECT_THAT(html::overview_sentence(report), HasSubstr("; N_sat 22.8, not found or not trusted in 2."));
}

TEST(HtmlOverview, OfManyRemarksTheHeaviestAreShown) {
  Report report = sample::matrix_report();
  report.verdict = {};
  for (int i = 0; i < 5; ++i) report.verdict.reserve("measured_once", "remark " + std::to_string(i));
  const std::string page = render_html(report, {}, "");
  EXPECT_LT(page.find("Remark 2"), page.find("<summary>2 more</summary>"));
  EXPECT_GT(page.find("Remark 3"), page.find("<summary>2 more</summary>"));
}

TEST(HtmlOverview, AMatrixIsAHeatMapOfPointsAndLoads) {
  const std::string markup = html::side_by_side(sample::matrix_report());
  EXPECT_EQ(occurrences(markup, R"(<table class="heat")"), 3u);
  EXPECT_EQ(occurrences(markup, R"(class="load">64<)"), 3u);
  EXPECT_EQ(occurrences(markup, R"(<th scope="row">32768</th>)"), 9u);
  EXPECT_THAT(markup, HasSubstr(R"(class="heat-9")"));
  // The last row of the last point is not valid, and those of long prompts miss the SLO.
  EXPECT_EQ(occurrences(markup, "✕ "), 3u + 6u) << "a cell of each map; its caption and its label";
  EXPECT_THAT(markup, HasSubstr("▾ "));
}

TEST(HtmlOverview, TargetsOfOneScenarioShareCharts) {
  const std::string markup = html::side_by_side(sample::targets_report());
  EXPECT_EQ(occurrences(markup, R"(data-chart="targets-throughput")"), 1u);
  EXPECT_EQ(occurrences(markup, R"(data-chart="targets-pareto")"), 1u);
  EXPECT_THAT(markup, Not(HasSubstr(R"(class="heat")")));
  EXPECT_EQ(html::side_by_side(sample::report()), "")
      << "two scenarios of one target have nothing to overlay";
}

}  // namespace
}  // namespace kneepoint::coordinator
