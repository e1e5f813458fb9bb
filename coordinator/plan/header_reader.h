#pragma once

#include <map>
#include <string>
#include <string_view>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

/// What to say where a plan holds a secret.
inline constexpr std::string_view kNoInlineSecret =
    "a secret never stands in a plan; write auth: {env: NAME} or auth: {file: PATH}, which each agent reads "
    "on its "
    "own host";

/// ASCII letters in lower case.
std::string lower(std::string text);

/// RFC 9110's "token": what a header's name and a scheme of authorization consist of.
bool is_header_name(std::string_view name);

/// A header's name. Throws PlanError.
const std::string& read_header_name(const yaml::Node& node, std::string_view key);

/// A mapping of header names to texts: no secrets, none that kneepoint sets itself. Throws PlanError.
std::map<std::string, std::string> read_headers(const yaml::Node& node);

}  // namespace kneepoint::coordinator
