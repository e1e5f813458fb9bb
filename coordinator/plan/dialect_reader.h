#pragma once

#include <filesystem>

#include "common/dialect_description.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads a target's `dialect`: a mapping (docs/dialects.md), or the name of a file that holds one, taken from
/// `folder` when it is relative; where there is no such file, a ready description may be of that name. Throws
/// yaml::PlanError; a mistake in the file is reported at the place that names it, with its own place in the
/// text.
DialectDescription read_dialect(const yaml::Node& node, const std::filesystem::path& folder);

}  // namespace kneepoint::coordinator
