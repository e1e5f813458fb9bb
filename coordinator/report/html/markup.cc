#include "coordinator/report/html/markup.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "common/printable.h"

namespace kneepoint::coordinator::html {

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const std::string_view piece = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    const bool malformed = point.value == 0xFFFD && point.bytes == 1;
    if (malformed || (is_instruction(point.value) && piece != "\n" && piece != "\t")) {
      out += "\uFFFD";
    } else if (piece == "&") {
      out += "&amp;";
    } else if (piece == "<") {
      out += "&lt;";
    } else if (piece == ">") {
      out += "&gt;";
    } else if (piece == "\"") {
      out += "&quot;";
    } else if (piece == "'") {
      out += "&#39;";
    } else {
      out += piece;
    }
  }
  return out;
}

std::string escape_script_json(std::string json) {
  // In JSON a `<` can only stand inside a string, where it may be written as an escape.
  constexpr std::string_view kEscaped = "\\u003c";
  for (std::size_t at = json.find('<'); at != std::string::npos; at = json.find('<', at)) {
    json.replace(at, 1, kEscaped);
  }
  return json;
}

std::string fill(std::string_view page,
                 std::initializer_list<std::pair<std::string_view, std::string_view>> values) {
  std::string out;
  while (true) {
    const std::size_t open = page.find("{{");
    if (open == std::string_view::npos) return out.append(page);
    const std::size_t close = page.find("}}", open);
    const std::string_view name = page.substr(open + 2, close - open - 2);
    const auto value =
        std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
    if (value == values.end()) throw std::logic_error("no value for {{" + std::string(name) + "}}");
    out.append(page.substr(0, open)).append(value->second);
    page.remove_prefix(close + 2);
  }
}

std::string csp_hash(std::string_view inline_text) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(inline_text.data(), inline_text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::array<unsigned char, 45> base64{};  // 4 characters for 3 bytes, and a terminating zero
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
  return "'sha256-" +
         std::string(reinterpret_cast<const char*>(base64.data()), static_cast<std::size_t>(length)) + "'";
}

}  // namespace kneepoint::coordinator::html
