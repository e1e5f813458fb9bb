#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/compare/comparison.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/plan/threshold.h"

/// Reports with known rows, and comparisons of them.
namespace kneepoint::coordinator::scenes {

inline constexpr std::uint64_t kBatches = 10;

/// Of a comparison. A test that writes nonsense ends with an error.
inline Threshold limit(std::string_view text) {
  return *parse_threshold(text, ThresholdUse::kComparison);
}

inline Interval around(double value, double standard_error) {
  const double half = student_t(0.975, kBatches - 1) * standard_error;
  return {value - half, value + half};
}

inline Step row(std::uint32_t n, double tokens, double ttft, double relative_error = 0.01) {
  Step step{.concurrency = n};
  step.batches = kBatches;
  step.requests.completed = 1000;
  step.token_source = TokenSource::kUsage;
  step.output_tokens_per_second = {tokens, around(tokens, relative_error * tokens), relative_error * tokens};
  step.ttft_seconds = {
      .count = 1000, .mean = ttft, .stddev = ttft / 10, .p50 = ttft, .p95 = 2 * ttft, .p99 = 3 * ttft};
  step.ttft_seconds.p50_ci95 = around(ttft, relative_error * ttft);
  return step;
}

inline Step with_failures(std::uint64_t failed) {
  Step step = row(8, 800, 0.02);
  step.requests.failed = failed;
  step.error_ratio = static_cast<double>(failed) / static_cast<double>(1000 + failed);
  return step;
}

inline Report report(std::vector<Step> steps, std::string target = "host",
                     const std::string& workload = "same") {
  Report report{.run_id = "r", .run_name = "sweep", .version = "0.1.0"};
  report.results.push_back({.target = std::move(target),
                            .scenario = "chat",
                            .model = "tiny",
                            .workload = {.id = workload, .summary = "asks " + workload},
                            .steps = std::move(steps)});
  return report;
}

inline Comparison of(std::vector<Report> reports) {
  std::vector<ComparedRun> runs;
  for (Report& each : reports) runs.emplace_back().report = std::move(each);
  label_runs(runs);
  return compare(std::move(runs));
}

inline const ComparedRow* find(const Comparison& comparison, std::string_view metric,
                               std::optional<std::uint32_t> n) {
  for (const ComparedResult& result : comparison.results) {
    for (const ComparedRow& row : result.rows) {
      if (row.metric == metric && row.concurrency == n) return &row;
    }
  }
  return nullptr;
}

}  // namespace kneepoint::coordinator::scenes
