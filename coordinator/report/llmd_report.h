#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The newest version of llm-d-benchmark's report format, as its release v0.8.0 has it
/// (llmdbenchmark/analysis/benchmark_report/schema_v0_2.py and schema_v0_2_1.py of github.com/llm-d).
inline constexpr std::string_view kLlmdFormat = "0.2.1";

struct LlmdReport {
  std::string file;  ///< The name that its tools look for.
  std::string text;  ///< YAML.
};

/// One report of llm-d-benchmark for each valid row: the format has no place to say that a figure is not to
/// be trusted. A row's stage is its place in steps.csv, from 0. Times are seconds, and seconds a token. What
/// `report` does not say is left out; all of `scenario.load` where the prompts' length is not known, which
/// the format asks for there.
std::vector<LlmdReport> render_llmd_reports(const Report& report);

}  // namespace kneepoint::coordinator
