#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kneepoint {

/// `text` as a JSON string, quotes included. Bytes above 0x7f pass as they are: UTF-8 stays UTF-8.
std::string json_quoted(std::string_view text);
/// As a JSON array of strings.
std::string json_quoted(const std::vector<std::string>& texts);

}  // namespace kneepoint
