#include "common/printable.h"

#include <algorithm>
#include <array>

namespace kneepoint {
namespace {

constexpr std::array kInstructions = {CodeRange{0x0000, 0x001F}, CodeRange{0x007F, 0x009F},
                                      CodeRange{0x061C, 0x061C}, CodeRange{0x200E, 0x200F},
                                      CodeRange{0x2028, 0x202E}, CodeRange{0x2066, 0x2069},
                                      CodeRange{0xFFF9, 0xFFFB}, CodeRange{0xE0000, 0xE007F}};

std::string replaced(std::string_view text, std::string_view kept) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const bool malformed = point.value == 0xFFFD && point.bytes == 1;
    const bool bad = malformed || (is_instruction(point.value) && kept.find(text[0]) == kept.npos);
    result += bad ? std::string_view("?") : text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return result;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t value = lead & (0x7Fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    value = (value << 6) | (next & 0x3F);
  }
  // A longer form than needed, half of a pair, or beyond Unicode (RFC 3629, section 3).
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  if (overlong || (value >= 0xD800 && value <= 0xDFFF) || value > 0x10FFFF) return {};
  return {value, bytes};
}

bool within(std::span<const CodeRange> ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [value](const CodeRange& each) { return value >= each.first && value <= each.last; });
}

bool is_instruction(char32_t value) {
  return within(kInstructions, value);
}

std::string printable(std::string_view text) {
  return replaced(text, "");
}

std::string printable_lines(std::string_view text) {
  return replaced(text, "\n\t");
}

std::string printable_start(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return printable(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return printable(text.substr(0, bytes)) + "…";
}

}  // namespace kneepoint
