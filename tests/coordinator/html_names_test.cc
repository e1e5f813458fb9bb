#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "coordinator/report/columns.h"
#include "coordinator/report/csv.h"
#include "coordinator/report/ending.h"
#include "coordinator/report/html/html.h"
#include "coordinator/report/json.h"
#include "coordinator/report/markdown.h"
#include "coordinator/report/text.h"
#include "tests/browser/sample_report.h"

// Names in every language, in everything that a run writes.
namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

const char* const kNames[][2] = {{"长上下文 对话", "主机 №1"},
                                 {"🚀 launch", "cafe\u0301"},
                                 {"ひらがな、カタカナ", "가나다라마바사아자차카타파하"},
                                 {"a|b,c \"d\" [e=f]", "x*y_z`"}};

Report named(const char* const (&names)[2]) {
  Report report = sample::report();
  report.run_name = names[0];
  for (ScenarioResult& result : report.results) {
    result.target = names[1];
    result.scenario = fmt::format("{} {}", names[0], result.scenario);
  }
  return report;
}

TEST(Names, FitATerminalsColumns) {
  for (const auto& names : kNames) {
    const Report report = named(names);
    for (const std::size_t width : {60u, 80u, 120u}) {
      std::istringstream lines(render_ending(report, "x", Detail::kAnswer, width));
      for (std::string line; std::getline(lines, line);) EXPECT_LE(column_width(line), width) << line;
    }
    std::istringstream lines(render_text(report));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(column_width(line), 120u) << line;
  }
}

TEST(Names, AreReadBackFromJsonAsTheyWere) {
  for (const auto& names : kNames) {
    const Report report = named(names);
    const auto read = parse_report_json(compact_json(render_json(report)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->run_name, report.run_name);
    EXPECT_EQ(read->results[0].scenario, report.results[0].scenario);
    EXPECT_EQ(read->results[0].target, report.results[0].target);
  }
}

TEST(Names, StandInEveryFile) {
  const Report report = named(kNames[0]);
  const std::string page = render_html(report, sample::timeline(report), "");
  for (const std::string& file : {page, render_markdown(report), render_csv(report), render_text(report)}) {
    EXPECT_THAT(file, HasSubstr("长上下文 对话"));
    EXPECT_THAT(file, HasSubstr("主机 №1"));
  }
  // What a link leads to is numbered, so that no name has to be part of an address.
  EXPECT_THAT(page, HasSubstr("id=\"result-0\""));
  EXPECT_THAT(page, HasSubstr("href=\"#result-0\""));
}

}  // namespace
}  // namespace kneepoint::coordinator
