#pragma once

#include <string>
#include <string_view>

namespace kneepoint {

/// `text` as a JSON string, quotes included. Bytes above 0x7f pass as they are: UTF-8 stays UTF-8.
std::string json_quoted(std::string_view text);

}  // namespace kneepoint
