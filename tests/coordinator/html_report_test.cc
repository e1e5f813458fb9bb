#include "coordinator/report/html/html.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>
#include <string>

#include "coordinator/report/ending.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/words/failures.h"
#include "tests/browser/sample_report.h"
#include "tests/support/occurrences.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string sample_page() {
  const Report report = sample::report();
  return render_html(report, sample::timeline(report), sample::plan_text());
}

/// The page without the chart library and the licences, which are not ours.
std::string own_markup(const std::string& page) {
  std::string own = page.substr(0, page.find("<script>"));
  return own.erase(own.find("<!--"), own.find("-->") - own.find("<!--"));
}

TEST(HtmlReport, TheSameReportGivesTheSameBytes) {
  EXPECT_EQ(sample_page(), sample_page());
}

TEST(HtmlReport, LeadsWithTheLinesThatARunEndsWith) {
  Report report = sample::report();
  report.results.resize(1);
  const std::string page = render_html(report, sample::timeline(report), "");
  std::size_t at = page.find(R"(<p class="verdict">)");
  std::vector<AnswerLine> lines = answer_lines(report);
  for (AnswerLine& line : closing_lines(report)) {
    if (line.lead != kVerdictLead) lines.push_back(std::move(line));
  }
  ASSERT_GE(lines.size(), 4u);
  for (const AnswerLine& line : lines) {
    const std::size_t found = page.find(html::escape(line.text), at);
    ASSERT_NE(found, std::string::npos) << line.lead << " " << line.text;
    at = found;
  }
  for (const char* chart : {"throughput", "ttft", "timeline", "tpot"}) {
    const std::size_t found = page.find(std::string("data-chart=\"") + chart + '"', at);
    ASSERT_NE(found, std::string::npos) << chart;
    at = found;
  }
}

// "at most 19,384 output tok/s", and the tile below it had 18,440.
TEST(HtmlReport, ThePeakIsThatOfTheSentenceAboveIt) {
  Report report = sample::report();
  report.results.resize(1);
  Step again = report.results[0].steps.front();
  again.role = "confirmation";
  again.valid = true;
  again.flags.clear();
  again.output_tokens_per_second = {98'765.0, std::nullopt, std::nullopt};
  report.results[0].after.push_back(again);
  const std::string page = own_markup(render_html(report, sample::timeline(report), ""));
  const std::size_t tile = page.find("Peak throughput");
  ASSERT_NE(tile, std::string::npos);
  EXPECT_THAT(page.substr(tile, 200), HasSubstr("98,765"));
}

TEST(HtmlReport, ShowsEachKindOfFailureWithOneOfThem) {
  Report report = sample::report();
  report.results.resize(1);
  const std::string page = render_html(report, sample::timeline(report), "");
  const auto sentences = failure_sentences(report.results[0], all_requests(report.results[0].steps));
  ASSERT_EQ(sentences.size(), 3u);
  for (const std::string& each : sentences)
    EXPECT_EQ(occurrences(page, "<li>" + html::escape(each) + "</li>"), 1u);
  for (Step& step : report.results[0].steps) step.requests = {};
  EXPECT_EQ(occurrences(render_html(report, sample::timeline(report), ""), "class=\"failures\""), 0u);
}

TEST(HtmlReport, LoadsNothing) {
  const std::string own = own_markup(sample_page());
  // What makes a browser fetch: a source, a stylesheet, an import, a url() that is not data.
  EXPECT_FALSE(std::regex_search(own, std::regex(R"((src|srcset|poster|action|background)\s*=)")));
  EXPECT_FALSE(std::regex_search(own, std::regex(R"(href="(?!#|data:,"))")));
  EXPECT_FALSE(std::regex_search(own, std::regex(R"(@import|url\((?!#))")));
  EXPECT_THAT(own, HasSubstr("default-src 'none'"));
  // The only web addresses are words of the plan.
  EXPECT_EQ(occurrences(own, "http://"), occurrences(own, "http://gpu-"));
  EXPECT_EQ(occurrences(own, "https://"), 0u);
}

/// A night of nine cells on one target: as much as it can have told.
RunTimeline long_timeline(const Report& report) {
  constexpr std::size_t kSeconds = 36'000;
  RunTimeline run{.bin_seconds = std::ceil(static_cast<double>(kSeconds) / RunTimeline::kMaxBins)};
  const auto values = [](double scale) {
    TimelineValues all(RunTimeline::kMaxBins);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = scale * (1 + std::sin(static_cast<double>(i)));
    return all;
  };
  for (TimelineValues* each :
       {&run.asked, &run.in_flight, &run.output_tokens_per_second, &run.requests_per_second,
        &run.failures_per_second, &run.ttft_p50, &run.ttft_p95})
    *each = values(1234.5678);
  for (int i = 0; i < 9; ++i) run.telemetry.push_back({"series", "ratio", "h200-pair", values(0.87654321)});
  for (const ScenarioResult& result : report.results) {
    TimelineSpan& span = run.spans.emplace_back();
    span.target = result.target, span.scenario = result.scenario, span.end = 4000;
    const std::size_t columns = 4 * TimelineSpan::kMaxColumns / report.results.size();
    for (LatencyHeat* heat : {&span.ttft, &span.icl})
      heat->columns.assign(columns, {.first = 8, .shares = std::vector<std::uint32_t>(40, 123)});
    const std::size_t requests = (TimelineSpan::kMaxDrawn + TimelineSpan::kMaxSlow) / report.results.size();
    span.requests.assign(requests,
                         {.sent = 1234.56, .ttft = 0.123456, .drawn = true, .id = "-0-12-345-6789"});
  }
  return run;
}

TEST(HtmlReport, OfALongRunIsSmall) {
  constexpr std::size_t kMost = 1'500'000;
  const Report report = sample::matrix_report();
  EXPECT_LT(render_html(report, long_timeline(report), sample::plan_text()).size(), kMost);
}

TEST(HtmlReport, PolicyAllowsExactlyItsOwnScripts) {
  const std::string page = sample_page();
  std::size_t scripts = 0;
  for (std::size_t at = page.find("<script>"); at != std::string::npos; at = page.find("<script>", at)) {
    at += 8;
    EXPECT_THAT(page.substr(0, page.find("<style>")),
                HasSubstr(html::csp_hash(page.substr(at, page.find("</script>", at) - at))));
    ++scripts;
  }
  EXPECT_EQ(scripts, 2u);
  EXPECT_THAT(page, Not(HasSubstr("unsafe-inline")));
}

TEST(HtmlReport, KeepsTheLicenceOfTheChartLibrary) {
  EXPECT_THAT(sample_page(), HasSubstr("Copyright 2010-2022 Mike Bostock"));
}

TEST(HtmlReport, HostileNamesStayText) {
  const Report report = sample::hostile_report();
  const std::string page = render_html(report, sample::timeline(report), sample::kHostile);
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;img"));
  // As many script elements as with harmless names, each closed once.
  EXPECT_EQ(occurrences(page, "</script>"), occurrences(sample_page(), "</script>"));
  EXPECT_EQ(occurrences(page, "</style>"), 1u);
  EXPECT_EQ(occurrences(page, "</title>"), 1u);
}

TEST(HtmlReport, AFigureThatIsAbsentSaysWhyAndIsNeverZero) {
  Report report = sample::report();
  report.results = {report.results[1]};  // not streamed
  const std::string page = render_html(report, {}, "");
  EXPECT_THAT(page, HasSubstr(R"(title="No request of this window had one">n/a</abbr>)"));
  EXPECT_THAT(page, HasSubstr("The plan sets no SLO"));
  EXPECT_THAT(page, HasSubstr("&gt; 8"));
  EXPECT_THAT(page, Not(HasSubstr("data-chart=\"ttft\"")));
  EXPECT_THAT(page, Not(HasSubstr("data-chart=\"timeline\"")));
}

TEST(HtmlReport, EngineAndGpuStandWhereTheTargetTold) {
  Report report = sample::report();
  report.results.resize(1);
  const std::string told = render_html(report, {}, "");
  EXPECT_THAT(told, HasSubstr(R"(data-key="telemetry.gpu.memory_peak_bytes")"));
  EXPECT_THAT(told, HasSubstr("Peak GPU memory"));
  EXPECT_THAT(told, HasSubstr("235 GiB"));
  EXPECT_THAT(told, HasSubstr("loaded in 41.7 s"));
  EXPECT_THAT(told, Not(HasSubstr(R"(data-key="telemetry.gpu.util_ratio")"))) << "no row has it";
  for (Step& step : report.results[0].steps) step.telemetry.reset();
  report.results[0].load_seconds.reset();
  const std::string silent = render_html(report, {}, "");
  EXPECT_THAT(silent, Not(HasSubstr(R"(data-key="telemetry.)")));
  EXPECT_THAT(silent, Not(HasSubstr("Peak GPU memory")));
  EXPECT_THAT(silent, Not(HasSubstr("loaded in")));
}

TEST(HtmlReport, AudioTokensHaveColumnsWhereTheServerTellsOfThem) {
  Report report = sample::report();
  report.results.resize(1);
  const std::string silent = render_html(report, {}, "");
  EXPECT_THAT(silent, HasSubstr(R"(data-key="reasoning_ratio")"));
  EXPECT_THAT(silent, Not(HasSubstr(R"(data-key="audio_)")));
  report.results[0].steps[0].audio_ratio = 0.25;
  const std::string spoken = render_html(report, {}, "");
  EXPECT_EQ(occurrences(spoken, R"(data-key="audio_ratio")"), 1u);
  EXPECT_THAT(spoken, HasSubstr(R"(<td data-v="0.25">25)"));
  EXPECT_THAT(spoken, Not(HasSubstr(R"(data-key="audio_prompt_ratio")"))) << "no row has it";
  report.results[0].steps[0].audio_prompt_ratio = 0.125;
  EXPECT_EQ(occurrences(render_html(report, {}, ""), R"(data-key="audio_prompt_ratio")"), 1u);
}

TEST(HtmlReport, WhyFiguresAreAbsentStandsBelowTheirTable) {
  const std::string page = sample_page();
  EXPECT_THAT(page, HasSubstr(R"(<p class="reasons">n/a: )"));
  EXPECT_THAT(page, Not(HasSubstr(R"(class="absent" tabindex)"))) << "hundreds of stops of the Tab key";
}

TEST(HtmlReport, AnInvalidRowIsNamedInWords) {
  const std::string page = sample_page();
  EXPECT_THAT(page, HasSubstr("✕ invalid"));
  EXPECT_THAT(page, HasSubstr("a generator thread was busy 92 % of the time."));
}

TEST(HtmlReport, ThresholdsComeFirst) {
  Report report = sample::report();
  EXPECT_EQ(render_html(report, {}, "").find("Thresholds:"), std::string::npos);
  report.thresholds = {{"n_slo<16", "HELD", "16 to 32"}, {"errors>1%", "MISSED", "<b>3 %</b> at 64"}};
  const std::string page = render_html(report, {}, "");
  const std::size_t at = page.find("Thresholds: 1 held, 1 missed, 0 unchecked");
  EXPECT_LT(at, page.find(R"(class="verdict")"));
  EXPECT_NE(page.find("<li>✗ errors&gt;1%: &lt;b&gt;3 %&lt;/b&gt; at 64</li>"), std::string::npos);
}

TEST(HtmlReport, SaysWhetherItMayBeTrusted) {
  Report report = sample::report();
  report.verdict = {};
  EXPECT_THAT(render_html(report, {}, ""), HasSubstr("Trustworthy."));
  report.verdict.refuse("interrupted", "the run was interrupted");
  report.verdict.refuse("agent_lost", "an agent was lost");
  const std::string page = render_html(report, {}, "");
  EXPECT_THAT(page, HasSubstr("Not trustworthy: do not rely on it."));
  EXPECT_THAT(page, HasSubstr("<li class=\"fatal\"><strong>Fatal:</strong> The run was interrupted. Run "
                              "again and let it end.</li>"));
}

TEST(HtmlReport, AOneResultReportStatesItsVerdictOnce) {
  Report report = sample::report();
  report.results.resize(1);
  const std::string page = render_html(report, {}, "");
  EXPECT_EQ(occurrences(page, "(between 21.3 and 24.9)"), 1u);
  EXPECT_EQ(occurrences(page, R"(<dl class="tiles">)"), 1u);
}

TEST(HtmlReport, ARunWithoutAnyStepIsStillAPage) {
  EXPECT_THAT(render_html({}, {}, ""), HasSubstr("Nothing was measured."));
  Report report = sample::report();
  for (ScenarioResult& result : report.results) result = {.target = "t", .scenario = "s"};
  EXPECT_THAT(render_html(report, {}, ""), HasSubstr("gives no answer: no step is valid"));
}

}  // namespace
}  // namespace kneepoint::coordinator
