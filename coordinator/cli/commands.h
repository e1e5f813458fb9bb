#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/ending.h"

namespace kneepoint::coordinator {

/// `kneepoint validate`: prints the plan as understood, for people or as JSON. @returns kDone or kBadInput.
int validate_command(const std::string& plan, const std::vector<std::string>& set, bool json);

/// `kneepoint report`: prints the report of a run directory (or a report.json) again, in brief or all of it.
/// @param llmd where to write it for llm-d-benchmark as well. @returns kDone or kBadInput: the run's own exit
/// code belongs to the run.
int report_command(const std::string& path, Detail detail, const std::optional<std::filesystem::path>& llmd);

/// `kneepoint schema`: prints the JSON Schema of a `plan` or a `report`. @returns kDone.
int schema_command(const std::string& of);

}  // namespace kneepoint::coordinator
