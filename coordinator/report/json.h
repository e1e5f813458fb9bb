#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The schema that render_json writes and parse_report_json reads. Fields may be added to it; a change of
/// meaning gets a new number.
inline constexpr std::string_view kReportSchema = "kneepoint.report/1";

/// report.json as docs/report.md documents it: null for what could not be measured, numbers with every digit
/// that it takes to read them back unchanged. Ends with a newline.
std::string render_json(const Report& report);

/// One of `results` in report.json.
std::string render_json(const ScenarioResult& result);

/// `json` without what is there for readers' eyes only: for pages, of which it is a good part. What is no
/// JSON stays as it is.
std::string compact_json(const std::string& json);

/// Reads what render_json wrote, so that a report can be rendered again. Unknown fields are skipped and
/// missing ones stay absent; what is not JSON, has another schema or a field of the wrong type is an error
/// that names it.
Result<Report> parse_report_json(std::string_view text);

}  // namespace kneepoint::coordinator
