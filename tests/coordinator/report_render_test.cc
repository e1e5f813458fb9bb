#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "coordinator/report/columns.h"
#include "coordinator/report/csv.h"
#include "coordinator/report/json.h"
#include "coordinator/report/markdown.h"
#include "coordinator/report/narrow_table.h"
#include "coordinator/report/text.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/units.h"
#include "coordinator/words/flags.h"
#include "tests/coordinator/sample_report.h"

namespace kneepoint::coordinator {
namespace {

using scenes::sample_report;

/// Compares with tests/coordinator/golden/NAME. KNEEPOINT_UPDATE_GOLDEN=1 writes it anew, to be read before
/// commit.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(KNEEPOINT_GOLDEN_DIR) + "/" + name;
  if (std::getenv("KNEEPOINT_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Render, TextIsAsAgreed) {
  expect_golden("report.txt", render_text(sample_report()));
}
TEST(Render, MarkdownIsAsAgreed) {
  expect_golden("report.md", render_markdown(sample_report()));
}
TEST(Render, CsvIsAsAgreed) {
  expect_golden("steps.csv", render_csv(sample_report()));
}
TEST(Render, JsonIsAsAgreed) {
  expect_golden("report.json", render_json(sample_report()));
}

TEST(Render, TextFitsNarrowTerminalsWithWhatMatters) {
  Report report = sample_report();
  report.results.push_back(report.results[0]);
  for (const std::size_t width : {60u, 80u, 100u}) {
    const std::string text = render_text(report, width);
    for (const std::string& line : lines_of(text)) EXPECT_LE(column_width(line), width) << line;
    for (const char* title : {"tok/s", "TTFT p95", "silence", "done", "waiting", "N_slo"})
      EXPECT_NE(text.find(title), std::string::npos) << title << " at " << width;
  }
  EXPECT_EQ(render_text(report, 60).find("TTFT mean"), std::string::npos);
  EXPECT_NE(render_text(report, 60).find("Columns that do not fit"), std::string::npos);
  EXPECT_EQ(render_text(report, 200).find("Columns that do not fit"), std::string::npos);
}

TEST(TextLayout, ColumnsGoByImportanceAndNamesAreCutLast) {
  const Table table{{{"name", 20, true},
                     {.title = "rare", .width = 9, .spare = 2},
                     {.title = "some", .width = 9, .spare = 1},
                     {"all", 9}},
                    {{"a name of 18 bytes", "1", "22", "333"}}};
  const auto titles = [&](std::size_t width) {
    std::string text;
    for (const Column& column : fitted(table, width).columns) text += column.title + " ";
    return text;
  };
  EXPECT_EQ(draw_text(table, 53),
            "name                       rare       some        all\n"
            "a name of 18 bytes            1         22        333\n");
  EXPECT_EQ(draw_text(table, 52),
            "name                rare  some  all\na name of 18 bytes     1    22  333\n");
  EXPECT_EQ(titles(35), "name rare some all ");
  EXPECT_EQ(titles(34), "name some all ");
  EXPECT_EQ(titles(28), "name all ");
  EXPECT_EQ(draw_text(table, 20), "name             all\na name of 18 b…  333\n");
}

TEST(TextLayout, LongLinesGoOnBelowTheirWords) {
  EXPECT_EQ(
      wrapped_lines(
          "short\n  - one two three four five six seven\n  --flag    says what it does\nplain words\n", 24),
      "short\n  - one two three four\n    five six seven\n  --flag    says what it\n            does\nplain "
      "words\n");
  EXPECT_EQ(wrapped_lines("A word is no bullet", 12), "A word is no\nbullet\n");
  EXPECT_EQ(wrapped_lines("plain words in a row", 12), "plain words\nin a row\n");
  EXPECT_EQ(wrapped_lines("  a lead that is most of it  words", 24),
            "  a lead that is most of\n  it  words\n");
  EXPECT_EQ(wrapped_lines("", 18), "");
  EXPECT_EQ(wrapped_lines("a b", 18), "a b\n");
  EXPECT_EQ(wrapped_lines("nothing_that_could_be_broken", 18), "nothing_that_could_be_broken\n");
}

TEST(Render, TextFitsATerminalOf120Columns) {
  Report report = sample_report();
  report.results[0].steps[0].note = std::string(200, 'x');
  report.verdict.warn("long", "a reason " + std::string(50, 'y') + " that is long " + std::string(90, 'z'));
  report.results[0].target = "主机 " + std::string(80, 't') + " " + std::string(80, 'u');
  report.results[0].steps[2].replicas[0].name = "推理服务器推理服务器推理服务器.example:8000";
  for (const std::string& line : lines_of(render_text(report))) EXPECT_LE(column_width(line), 120u) << line;
}

TEST(Render, TheLiveLineIsTheTablesRow) {
  const Report report = sample_report();
  const std::string text = render_text(report);
  EXPECT_NE(text.find(narrow_header(kTextWidth) + "\n"), std::string::npos);
  for (const Step& step : report.results[0].steps) {
    EXPECT_NE(text.find(narrow_line(step, kTextWidth) + "\n"), std::string::npos);
  }
}

TEST(Render, ANoteGoesOnBelowItself) {
  Step step = sample_report().results[0].steps[2];
  step.note = "saturated; queueing begins; rate not reached; misses ttft_p95";
  const auto lines = lines_of(narrow_line(step, kTextWidth));
  const std::size_t at = column_width(narrow_header(kTextWidth)) - std::string("note").size();
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[0].ends_with("  saturated; queueing begins;"));
  EXPECT_EQ(lines[1], std::string(at, ' ') + "rate not reached; misses");
  EXPECT_EQ(lines[2], std::string(at, ' ') + "ttft_p95");
}

TEST(Render, ASecondVisitOfALoadIsNumbered) {
  Report report = sample_report();
  Step& again = report.results[0].steps[2];
  again.concurrency = report.results[0].steps[0].concurrency;
  again.attempt = 2;
  again.reasons = {"a reason"};
  const std::string text = render_text(report);
  EXPECT_NE(text.find("\n 1 #2  "), std::string::npos);
  EXPECT_NE(text.find("\n  1 #2: a reason\n"), std::string::npos);
}

TEST(Render, ARowWithoutStampsClaimsNoReceiveLag) {
  Report report = sample_report();
  EXPECT_EQ(render_text(report).find("no stamps"), std::string::npos);
  Step& step = report.results[0].steps[1];
  step.warn("UNSTAMPED", "none");
  EXPECT_NE(render_text(report).find("   no stamps  "), std::string::npos);
  EXPECT_NE(render_markdown(report).find("| no stamps |"), std::string::npos);
}

TEST(Render, NothingFromAPlanCanDriveTheTerminal) {
  Report report = sample_report();
  report.run_name = report.results[0].model = report.results[0].steps[0].note = "a\x1b[2Jb";
  EXPECT_EQ(render_text(report).find('\x1b'), std::string::npos);
}

TEST(Render, FewRequestsGiveNoPercentile) {
  EXPECT_EQ(format_percentile(std::nullopt, 12), "n/a (n=12)");
  EXPECT_EQ(format_percentile(std::nullopt, 0), "–");
  EXPECT_EQ(format_percentile(0.5, 200), "500 ms");
}

TEST(Render, EveryFlagThatARowCanCarryIsExplained) {
  for (const char* flag :
       {"NEAR-LINEAR",     "DIMINISHING", "SATURATED",  "COLLAPSING",   "CLIENT_BOUND",   "UNSTEADY",
        "INTERRUPTED",     "AGENT_LOST",  "INCOMPLETE", "NO_DATA",      "LOW_OCCUPANCY",  "LITTLES_LAW",
        "SEND_LAG",        "RX_LAG",      "DRIFTING",   "UNSTAMPED",    "EARLY_STOPS",    "ECHO",
        "TOKEN_MISMATCH",  "RECONNECTS",  "DRIFT",      "SHORT_WINDOW", "LOW_CONFIDENCE", "LOWEST LATENCY",
        "QUEUEING BEGINS", "MOVING",      "EARLY_FIRST"}) {
    Report report = sample_report();
    report.results[0].steps[1].flags = {flag};
    ASSERT_TRUE(explain_flag(flag)) << flag;
    const std::string meaning(*explain_flag(flag));
    EXPECT_NE(render_markdown(report).find(": " + meaning.substr(0, 20)), std::string::npos) << flag;
    EXPECT_NE(render_text(report).find(std::string("  ") + flag), std::string::npos) << flag;
  }
}

TEST(Render, WithoutTelemetryThereIsNoTableOfIt) {
  Report report = sample_report();
  EXPECT_NE(render_text(report).find("What the GPUs said"), std::string::npos);
  EXPECT_EQ(render_text(report).find("tensor pipe"), std::string::npos) << "no row has it";
  for (Step& step : report.results[0].steps) step.telemetry.reset();
  EXPECT_EQ(render_text(report).find("What the engine said"), std::string::npos);
  EXPECT_EQ(render_text(report).find("What the GPUs said"), std::string::npos);
  EXPECT_EQ(render_markdown(report).find("What the engine"), std::string::npos);
}

TEST(Render, RanksStandAmongThePods) {
  Report report = sample_report();
  report.results[0].steps[1].telemetry->pods = {{.name = "10.0.0.7:8000", .rank = 0, .running_mean = 7},
                                                {.name = "10.0.0.7:8000", .rank = 31, .running_mean = 8},
                                                {.name = "10.0.0.8:8000", .running_mean = 9}};
  for (const std::string& text : {render_text(report), render_markdown(report)}) {
    for (const char* row : {"rank 0 of 10.0.0.7:8000", "rank 31 of 10.0.0.7:8000", " 10.0.0.8:8000"})
      EXPECT_NE(text.find(row), std::string::npos) << row;
  }
  const auto read = parse_report_json(render_json(report));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->results[0].steps[1].telemetry->pods, report.results[0].steps[1].telemetry->pods);
}

TEST(Render, DefinitionsAreOfTheFiguresThatAReportHas) {
  Report report = sample_report();
  const auto defines = [&](const std::string& term) {
    return render_text(report).find("  - " + term + ": ") != std::string::npos;
  };
  EXPECT_TRUE(defines("N_slo") && defines("Engine, GPU") && defines("J/token"));
  EXPECT_FALSE(defines("Due, backlog") || defines("Without streaming"));
  ScenarioResult& result = report.results[0];
  result.slo = {};
  for (Step& step : result.steps) step.telemetry.reset();
  result.steps[0].offered_rate = 5;
  result.steps[0].ttft_seconds = {};
  EXPECT_FALSE(defines("N_slo") || defines("Engine, GPU") || defines("J/token"));
  EXPECT_TRUE(defines("Due, backlog") && defines("Without streaming"));
}

TEST(Render, SeveralResultsStandSideBySide) {
  Report report = sample_report();
  EXPECT_EQ(render_text(report).find("Side by side"), std::string::npos);
  report.results.push_back(report.results[0]);
  report.results[1].target = "other";
  report.results[1].load_seconds.reset();
  const std::string text = render_text(report);
  EXPECT_NE(text.find("Side by side"), std::string::npos);
  EXPECT_NE(text.find("4.50 GiB"), std::string::npos);
  EXPECT_NE(render_markdown(report).find("| host | chat | 18.3 s | 22.3 |"), std::string::npos);
}

TEST(Render, ThresholdsComeFirst) {
  Report report = sample_report();
  report.thresholds = {{"n_slo<16", "HELD", "16 to 32"}, {"ttft_p95@32>600ms", "MISSED", "660 ms at 32"}};
  const std::string text = render_text(report), markdown = render_markdown(report);
  EXPECT_NE(text.find("\n\n✓ n_slo<16: 16 to 32\n✗ ttft_p95@32>600ms: 660 ms at 32\nVERDICT: "),
            std::string::npos)
      << text;
  EXPECT_LT(markdown.find("✗ ttft\\_p95@32"), markdown.find("**Verdict: ")) << markdown;
}

TEST(Render, UnitsFollowTheValue) {
  EXPECT_EQ(format_time(0.0), "0 s");
  EXPECT_EQ(format_time(1e-12), "0 s") << "it was 0.00 µs";
  EXPECT_EQ(format_change(-0.0004), "+0.0") << "it was -0.0";
  EXPECT_EQ(format_change(-0.0006), "-0.1");
  EXPECT_EQ(format_change(0.043), "+4.3");
  EXPECT_EQ(format_time(0.0000123), "12.3 µs");
  EXPECT_EQ(format_time(0.00999), "9.99 ms");
  EXPECT_EQ(format_time(0.0391), "39.1 ms");
  EXPECT_EQ(format_time(0.9999), "1.00 s");
  EXPECT_EQ(format_time(61.5), "61.5 s");
  EXPECT_EQ(format_time(725.2), "12 min 5 s");
  EXPECT_EQ(format_bytes(4.1 * 1024 * 1024 * 1024), "4.10 GiB");
  EXPECT_EQ(format_bytes(512 * 1024 * 1024), "512 MiB");
  EXPECT_EQ(format_figure(0), "0");
  EXPECT_EQ(format_figure(16), "16");
  EXPECT_EQ(format_figure(22.345), "22.3");
  EXPECT_EQ(format_figure(999.4), "999");
  EXPECT_EQ(format_figure(1330), "1,330");
  EXPECT_EQ(format_figure(1234567.8), "1,234,568");
  EXPECT_EQ(format_figure(-4321), "-4,321");
}

TEST(Render, MarkdownEscapesWhatComesFromPlans) {
  const std::string text = render_markdown(sample_report());
  EXPECT_EQ(text.find("<b>"), std::string::npos);
  EXPECT_NE(text.find("sweep \\| &lt;b>"), std::string::npos);
}

TEST(Render, CsvRowsHaveAsManyCellsAsItsHeader) {
  Report report = sample_report();
  report.results[0].target = "a \"quoted\", name";
  const auto lines = lines_of(render_csv(report));
  ASSERT_EQ(lines.size(), 7u);  // four steps, and two after the ramp
  const auto cells = [](const std::string& line) {
    std::size_t count = 1;
    bool inside = false;
    for (const char c : line) {
      if (c == '"') inside = !inside;
      if (c == ',' && !inside) ++count;
    }
    return count;
  };
  for (const std::string& line : lines) EXPECT_EQ(cells(line), cells(lines[0]));
  EXPECT_EQ(lines[1].rfind("\"a \"\"quoted\"\", name\",chat,1,", 0), 0u) << lines[1];
}

TEST(Render, AnEmptyReportRendersEverywhere) {
  const Report empty;
  EXPECT_FALSE(render_text(empty).empty());
  EXPECT_FALSE(render_markdown(empty).empty());
  EXPECT_EQ(lines_of(render_csv(empty)).size(), 1u);
  EXPECT_TRUE(parse_report_json(render_json(empty)));
}

}  // namespace
}  // namespace kneepoint::coordinator
