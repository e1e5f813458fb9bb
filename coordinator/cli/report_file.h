#pragma once

#include <string>

#include "common/result.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The report of a run directory, or of a report.json. An error names the file.
Result<Report> read_report(const std::string& path);

}  // namespace kneepoint::coordinator
