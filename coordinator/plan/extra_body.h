#pragma once

#include <string>

#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// A YAML mapping as a compact JSON object. Plain `null`, `true`, `false` and JSON numbers keep their type;
/// every other scalar, and every quoted one, is a string. A plain scalar that YAML takes for a number but
/// JSON cannot spell (`.5`, `0x1F`, `.inf`) is refused. Throws yaml::PlanError.
std::string extra_body_json(const yaml::Node& mapping);

/// The same for any value.
std::string json_of(const yaml::Node& value);

}  // namespace kneepoint::coordinator
