#include "coordinator/report/columns.h"

#include <algorithm>
#include <array>

namespace kneepoint::coordinator {
namespace {

struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t bytes = 1;
};

/// The first code point of non-empty `text`; a malformed byte stands for itself as U+FFFD.
CodePoint decode(std::string_view text) {
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
  return {value, bytes};
}

struct Range {
  char32_t first, last;
};
/// Unicode's East_Asian_Width W and F, and emoji, coarsely: whole blocks rather than single characters.
constexpr std::array kWide = {Range{0x1100, 0x115F}, Range{0x2E80, 0xA4CF},   Range{0xAC00, 0xD7A3},
                              Range{0xF900, 0xFAFF}, Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},
                              Range{0xFFE0, 0xFFE6}, Range{0x1F300, 0x1FAFF}, Range{0x20000, 0x3FFFD}};
constexpr std::array kZero = {Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0x20D0, 0x20FF},
                              Range{0xFE00, 0xFE0F}};

template <std::size_t N>
bool within(const std::array<Range, N>& ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return value >= range.first && value <= range.last; });
}

std::size_t width_of(char32_t value) {
  return within(kZero, value) ? 0 : within(kWide, value) ? 2 : 1;
}

}  // namespace

std::size_t column_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    if (text.starts_with("\x1b[")) {
      text.remove_prefix(std::min(text.find('m'), text.size() - 1) + 1);
      continue;
    }
    const CodePoint point = decode(text);
    width += width_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const bool control = point.value < 0x20 || (point.value >= 0x7F && point.value < 0xA0);
    const bool malformed = point.value == 0xFFFD && point.bytes == 1;
    result += control || malformed ? std::string_view("?") : text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return result;
}

std::string fit_columns(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (column_width(text) <= columns) return std::string(text);
  const std::size_t mark = column_width(ellipsis);
  if (columns < mark) return {};
  std::size_t width = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const CodePoint point = decode(text.substr(end));
    if (width + width_of(point.value) > columns - mark) break;
    width += width_of(point.value);
    end += point.bytes;
  }
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

}  // namespace kneepoint::coordinator
