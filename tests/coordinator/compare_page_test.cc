#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/compare/render.h"
#include "tests/coordinator/compare_samples.h"

// compare.html, before a browser draws it.
namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Step> rows(std::uint64_t failed) {
  std::vector<Step> steps = {scenes::row(8, 800, 0.02), scenes::row(16, 1500, 0.03)};
  for (Step& step : steps) {
    step.tpot_seconds = step.ttft_seconds;
    step.requests.failed = failed;
    step.error_ratio = static_cast<double>(failed) / 1000;
  }
  return steps;
}

TEST(ComparePage, ShowsErrorsBesideThroughputWhereARunHadAny) {
  const char* const chart = "data-chart=\"errors\"";
  EXPECT_THAT(render_html(scenes::of({scenes::report(rows(0)), scenes::report(rows(0))})),
              Not(HasSubstr(chart)));
  const std::string page = render_html(scenes::of({scenes::report(rows(0)), scenes::report(rows(12))}));
  EXPECT_THAT(page, HasSubstr(chart));
  EXPECT_LT(page.find("data-chart=\"throughput\""), page.find(chart));
}

TEST(ComparePage, HasAChartOfEachPercentileThatAPlanLimits) {
  const char* const chart = "data-chart=\"tpot-p95\"";
  Report limited = scenes::report(rows(0));
  EXPECT_THAT(render_html(scenes::of({limited, limited})), Not(HasSubstr(chart)));
  const Report free = limited;
  limited.results[0].slo.criteria = {{.name = "tpot_p95", .limit = 0.05, .state = "PASS"}};
  EXPECT_THAT(render_html(scenes::of({free, limited})), HasSubstr(chart));
}

TEST(ComparePage, RunsOfAnyNameStayText) {
  std::vector<ComparedRun> runs(2);
  runs[0].source = "runs/<b>&", runs[0].report = scenes::report(rows(0));
  runs[1].source = "runs/x", runs[1].report = scenes::report(rows(0));
  label_runs(runs);
  const std::string page = render_html(compare(std::move(runs)));
  EXPECT_THAT(page, Not(HasSubstr("<b>&")));
  EXPECT_THAT(page, HasSubstr("x against &lt;b&gt;&amp;"));
}

}  // namespace
}  // namespace kneepoint::coordinator
