#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordinator/compare/comparison.h"
#include "coordinator/report/text.h"

/// A comparison for readers. The same comparison gives the same bytes.
namespace kneepoint::coordinator {

/// "A  runs/a, sweep, run 2026…-12ab, kneepoint 0.1.0, 2026-11-21T19:45:55Z"
std::string run_line(const ComparedRun& run);
/// "16 of 40 tested figures differ: 3 better, 13 worse."
std::string summary_sentence(const Comparison& comparison);

/// What a reader takes away, a line for each run and result: "B is slower than A: output tok/s -29.0 % at
/// every load, errors 0 % → 1.2 % at 64". Only what differs significantly is told.
std::vector<std::string> headlines(const Comparison& comparison);
/// What each run came to as a whole: "B against A, chat on host: N_sat -7.0 %, not significant; …".
std::vector<std::string> whole_results(const Comparison& comparison);
/// The headlines in one line, for a log, below which threshold failed the comparison.
std::string render_line(const Comparison& comparison);
/// compare.json, as docs/compare.md documents it. Ends with a newline.
std::string render_json(const Comparison& comparison, int exit_code, std::string_view exit_reason);

/// In lines of `width`, as render_text() of a report.
std::string render_text(const Comparison& comparison, std::size_t width = kTextWidth);
std::string render_markdown(const Comparison& comparison);
/// One file that opens offline, as report.html.
std::string render_html(const Comparison& comparison);

}  // namespace kneepoint::coordinator
