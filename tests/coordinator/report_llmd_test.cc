#include "coordinator/report/llmd_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "tests/coordinator/sample_report.h"

namespace kneepoint::coordinator {
namespace {

using scenes::sample_report;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

/// The document of the sample's third row, which has most figures, after `change`.
std::string third(const std::function<void(Report&, Step&)>& change = [](Report&, Step&) {}) {
  Report report = sample_report();
  change(report, report.results[0].steps[2]);
  return render_llmd_reports(report).at(2).text;
}

/// That a whole document fits the format is seen by tests/integration/llmd_test.py.
TEST(LlmdReport, IsAFileForEachValidRowByItsPlaceInStepsCsv) {
  const auto named = [](const char* name) { return Field(&LlmdReport::file, name); };
  EXPECT_THAT(
      render_llmd_reports(sample_report()),
      ElementsAre(named("benchmark_report_v0.2,_stage_0.yaml"), named("benchmark_report_v0.2,_stage_1.yaml"),
                  named("benchmark_report_v0.2,_stage_2.yaml"), named("benchmark_report_v0.2,_stage_4.yaml"),
                  named("benchmark_report_v0.2,_stage_5.yaml")));
}

TEST(LlmdReport, TellsWhatWasRun) {
  const std::string text = third();
  EXPECT_THAT(text, testing::StartsWith(R"y(version: "0.2.1"
run:
  uid: "20261121T194555Z-7f3a-2"
  eid: "20261121T194555Z-7f3a"
  time:
    start: "2026-11-21T19:45:55Z"
    duration: "PT61.5S"
  description: "sweep | <b>: chat on host (trustworthy)"
scenario:
  stack:
  - metadata:
      label: "host"
      cfg_id: "unknown"
    standardized:
      kind: "generic"
      tool: "unknown"
      tool_version: "unknown"
      model:
        name: "qwen3-4b"
    native: {}
)y"));
  EXPECT_THAT(text, HasSubstr(R"(
      tool: "kneepoint"
      tool_version: "0.1.0"
      parallelism: 2
      source: "unknown"
      stage: 2
      input_seq_len:
        distribution: "other"
        value: 512.0
      concurrency: 32
)"));
}

TEST(LlmdReport, HasEachFigureWithItsUnit) {
  const std::string text = third();
  EXPECT_THAT(text, HasSubstr(R"(
      requests:
        total: 700
        failures: 0
        incomplete: 0
        input_length:
          units: "count"
          mean: 512.0
        output_length:
          units: "count"
          mean: 64.0
)"));
  EXPECT_THAT(text, HasSubstr(R"(
        time_to_first_token:
          units: "s"
          mean: 0.432915
          stddev: 0.08246
          min: 0.20615
          p50: 0.4123
          p90: 0.57722
          p95: 0.65968
          p99: 1.03075
          max: 1.2369
        time_per_output_token:
          units: "s/token"
          mean: 0.01596
)"));
  EXPECT_THAT(text, HasSubstr(R"(
        request_latency:
          units: "s"
          mean: 1.440915
)"));
  EXPECT_THAT(text, HasSubstr(R"(
      throughput:
        input_token_rate:
          units: "tokens/s"
          mean: 10640.0
        output_token_rate:
          units: "tokens/s"
          mean: 1330.0
        total_token_rate:
          units: "tokens/s"
          mean: 11970.0
        request_rate:
          units: "queries/s"
          mean: 20.78125
)"));
}

TEST(LlmdReport, FailuresAndWhatTheToolBrokeOffAreAmongTheRequestsThatEnded) {
  EXPECT_THAT(third([](Report&, Step& step) {
                step.requests.failed = 3;
                step.requests.by_outcome[static_cast<std::size_t>(Outcome::kTimeout)] = 3;
                step.requests.by_outcome[static_cast<std::size_t>(Outcome::kCancelled)] = 2;
              }),
              HasSubstr("total: 705\n        failures: 3\n        incomplete: 2\n"));
}

TEST(LlmdReport, GapsBetweenChunksAreThoseBetweenTokensOnlyWhereEachChunkIsOne) {
  const auto with_chunks = [](double per_second) {
    return third([&](Report&, Step& step) {
      step.token_count =
          TokenCount{.state = "confirmed",
                     .witnesses = {{.name = "usage", .output_tokens_per_second = 1330},
                                   {.name = "chunks", .output_tokens_per_second = per_second}}};
    });
  };
  EXPECT_THAT(
      with_chunks(1320),
      HasSubstr("        inter_token_latency:\n          units: \"s/token\"\n          mean: 0.015855\n"));
  EXPECT_THAT(with_chunks(665), Not(HasSubstr("inter_token_latency")));
  EXPECT_THAT(third(), Not(HasSubstr("inter_token_latency"))) << "nobody counted chunks";
}

TEST(LlmdReport, WhatWasNotMeasuredIsLeftOut) {
  const std::string text = third([](Report&, Step& step) {
    step.prompt_tokens_per_second.reset();
    step.answer_tokens_mean.reset();
    step.tpot_seconds = {};
    step.output_tokens_per_second = {};
  });
  for (const char* name :
       {"load:", "input_length", "output_length", "time_per_output_token", "token_rate", "null"})
    EXPECT_THAT(text, Not(HasSubstr(name)));
  EXPECT_THAT(text, HasSubstr("request_rate"));
}

TEST(LlmdReport, AnOpenLoopHasARateInPlaceOfAConcurrency) {
  const auto open = [](std::optional<double> thinking) {
    return third([&](Report&, Step& step) {
      step.offered_rate = 20;
      step.thinking = thinking;
    });
  };
  EXPECT_THAT(open(std::nullopt), HasSubstr("rate_qps: 20.0\n"));
  EXPECT_THAT(open(std::nullopt), Not(HasSubstr("concurrency:")));
  EXPECT_THAT(open(3), Not(HasSubstr("rate_qps"))) << "a rate of sessions is none of requests";
}

TEST(LlmdReport, SaysWherePromptsComeFromAsFarAsItIsKnown) {
  const auto dataset = [](Report& report, Step&) { report.results[0].dataset = DatasetSource{.file = "x"}; };
  EXPECT_THAT(third(dataset), HasSubstr("source: \"sampled\"\n"));
  EXPECT_THAT(third([](Report&, Step& step) {
                step.prompt_tokens = PromptTokens{512, 511};
              }),
              HasSubstr("source: \"random\"\n"));
  EXPECT_THAT(third([](Report&, Step& step) {
                step.turns = {{.name = "1"}, {.name = "2"}};
              }),
              HasSubstr("      multi_turn:\n        enabled: true\n"));
}

/// PyYAML, which reads YAML 1.1, takes "1e-05" for a text.
TEST(LlmdReport, WritesNoExponents) {
  const std::string text = third([](Report&, Step& step) {
    step.ttft_seconds.min = 1e-5;
    step.requests_per_second.value = 1e7;
  });
  EXPECT_THAT(text, HasSubstr("          min: 0.00001\n"));
  EXPECT_THAT(text, HasSubstr("          mean: 10000000.0\n"));
}

TEST(LlmdReport, NamesCannotBreakTheDocument) {
  const std::string text =
      third([](Report& report, Step&) { report.results[0].model = "a: \"b\"\n- c # \\"; });
  EXPECT_THAT(text, HasSubstr("        name: \"a: \\\"b\\\"?- c # \\\\\"\n"));
}

}  // namespace
}  // namespace kneepoint::coordinator
