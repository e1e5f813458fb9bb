#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/compare/render.h"
#include "tests/coordinator/compare_samples.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Named {
  std::string source, target = "", plan = "sweep";
};

std::vector<std::string> labels(const std::vector<Named>& of) {
  std::vector<ComparedRun> runs;
  for (const Named& each : of) {
    ComparedRun& run = runs.emplace_back();
    run.source = each.source;
    run.target = each.target;
    run.report.run_name = each.plan;
  }
  label_runs(runs);
  std::vector<std::string> names;
  for (const ComparedRun& run : runs) names.push_back(run.label);
  return names;
}

TEST(CompareLabels, AreTheFolders) {
  EXPECT_THAT(labels({{"runs/yesterday"}, {"runs/latest"}}), ElementsAre("yesterday", "latest"));
  EXPECT_THAT(labels({{"runs/a/report.json"}, {"./b/"}}), ElementsAre("a", "b"));
  EXPECT_THAT(labels({{"runs/昨天"}, {"runs/今天"}}), ElementsAre("昨天", "今天"));
}

TEST(CompareLabels, AreTheTargetsOfOneRun) {
  EXPECT_THAT(labels({{"runs/x@gpu-1", "gpu-1"}, {"runs/x@gpu@2", "gpu@2"}}), ElementsAre("gpu-1", "gpu@2"));
  EXPECT_THAT(labels({{"runs/x@gpu", "gpu"}, {"runs/y@gpu", "gpu"}}), ElementsAre("x", "y"));
  EXPECT_THAT(labels({{"runs/x@a", "a"}, {"runs/x@b", "b"}, {"runs/y@a", "a"}}),
              ElementsAre("x@a", "x@b", "y@a"));
  EXPECT_THAT(labels({{"runs/x@a", "a"}, {"runs/y"}}), ElementsAre("x", "y"));
}

TEST(CompareLabels, AreThePlansWhereFoldersAreLong) {
  const std::string stamp = "runs/20261130T120000Z-sweep-of-h200";
  EXPECT_THAT(labels({{stamp, "", "fp16"}, {stamp + "-2", "", "awq"}}), ElementsAre("fp16", "awq"));
  EXPECT_THAT(labels({{stamp}, {stamp + "-2"}}), ElementsAre("A", "B")) << "neither is short and its own";
}

TEST(CompareLabels, AreLettersWhereNothingElseTellsThemApart) {
  EXPECT_THAT(labels({{"runs/x"}, {"old/x"}}), ElementsAre("A", "B"));
  EXPECT_THAT(labels({{"."}, {".."}}), ElementsAre("A", "B"));
  EXPECT_THAT(labels({{"runs/a\x1b[31m"}, {"runs/b"}}), ElementsAre("A", "B"))
      << "what does not print is no name";
  EXPECT_THAT(labels({{"runs/九个汉字宽十八列字"}, {"runs/b"}}), ElementsAre("A", "B"))
      << "columns count, not characters";
}

TEST(CompareLabels, StandInTheHeadline) {
  std::vector<ComparedRun> runs(2);
  runs[0].source = "runs/yesterday", runs[0].report = scenes::report({scenes::row(8, 800, 0.02)});
  runs[1].source = "runs/latest", runs[1].report = scenes::report({scenes::row(8, 568, 0.02)});
  label_runs(runs);
  const Comparison comparison = compare(std::move(runs));
  EXPECT_THAT(headlines(comparison),
              ElementsAre("latest is slower than yesterday: output tok/s -29.0 % at 8."));
  EXPECT_THAT(render_text(comparison), HasSubstr("latest against yesterday"));
}

}  // namespace
}  // namespace kneepoint::coordinator
