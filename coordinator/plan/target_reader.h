#pragma once

#include <cstddef>
#include <filesystem>

#include "common/plan.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Reads one item of `targets`. @param number from 1, for complaints about a target without a name.
/// @param folder where the plan's file is: a `dialect` names its file from there. Throws yaml::PlanError.
Target read_target(const yaml::Node& node, std::size_t number, const std::filesystem::path& folder);

/// A base URL in the form that agents use: http or https, host, optional port and path prefix, without a
/// trailing slash and without the `/v1` that the dialects add. Throws yaml::PlanError for anything else.
std::string read_base_url(const yaml::Node& node);
/// The same of a URL that stands in no file.
Result<std::string> parse_base_url(const std::string& text);

/// The whole URL of a page of metrics.
std::string read_metrics_url(const yaml::Node& node);

}  // namespace kneepoint::coordinator
