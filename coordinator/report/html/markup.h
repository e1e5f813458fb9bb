#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace kneepoint::coordinator::html {

/// Text for element content and quoted attribute values. What could turn or hide text (controls other than
/// tab and newline, direction marks, bytes that are no UTF-8) becomes U+FFFD.
std::string escape(std::string_view text);

/// JSON that may stand inside a script element: no `<` is left, so nothing in it can end the element.
std::string escape_script_json(std::string json);

/// `page` with every {{name}} replaced. Values are inserted as they are and not searched again.
/// @throws std::logic_error for a placeholder without a value.
std::string fill(std::string_view page,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values);

/// "'sha256-…'": the content-security-policy source that allows exactly this inline script or style.
std::string csp_hash(std::string_view inline_text);

}  // namespace kneepoint::coordinator::html
