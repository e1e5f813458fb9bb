#include "coordinator/report/columns.h"

#include <algorithm>
#include <array>

namespace kneepoint::coordinator {
namespace {

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
    const CodePoint point = first_code_point(text);
    width += width_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string fit_columns(std::string_view text, std::size_t columns, std::string_view ellipsis) {
  if (column_width(text) <= columns) return std::string(text);
  const std::size_t mark = column_width(ellipsis);
  if (columns < mark) return {};
  std::size_t width = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const CodePoint point = first_code_point(text.substr(end));
    if (width + width_of(point.value) > columns - mark) break;
    width += width_of(point.value);
    end += point.bytes;
  }
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

}  // namespace kneepoint::coordinator
