#pragma once

#include <string>
#include <vector>

#include "coordinator/compare/comparison.h"

/// A comparison for readers. The same comparison gives the same bytes.
namespace kneepoint::coordinator {

/// "A  runs/a, sweep, run 2026…-12ab, kneepoint 0.1.0, 2026-11-21T19:45:55Z"
std::string run_line(const ComparedRun& run);
/// "16 of 40 tested figures differ: 3 better, 13 worse."
std::string summary_sentence(const Comparison& comparison);

/// What each run came to, a line for each result: "B against A, chat on host: N_sat -7.0 %, not significant;
/// …".
std::vector<std::string> headlines(const Comparison& comparison);

std::string render_text(const Comparison& comparison);
std::string render_markdown(const Comparison& comparison);
/// One file that opens offline, as report.html.
std::string render_html(const Comparison& comparison);

}  // namespace kneepoint::coordinator
