#include "coordinator/report/columns.h"

#include <algorithm>
#include <array>

#include "common/printable.h"

namespace kneepoint::coordinator {
namespace {

/// Unicode's East_Asian_Width W and F, and emoji, coarsely: whole blocks rather than single characters.
constexpr std::array kWide = {
    CodeRange{0x1100, 0x115F},   CodeRange{0x231A, 0x231B},   CodeRange{0x23E9, 0x23F3},
    CodeRange{0x25FD, 0x25FE},   CodeRange{0x2614, 0x2615},   CodeRange{0x2648, 0x2653},
    CodeRange{0x267F, 0x267F},   CodeRange{0x2693, 0x2693},   CodeRange{0x26A1, 0x26A1},
    CodeRange{0x26AA, 0x26AB},   CodeRange{0x26BD, 0x26BE},   CodeRange{0x26C4, 0x26CE},
    CodeRange{0x26D4, 0x26D4},   CodeRange{0x26EA, 0x26FD},   CodeRange{0x2705, 0x2705},
    CodeRange{0x270A, 0x270B},   CodeRange{0x2728, 0x2728},   CodeRange{0x274C, 0x274E},
    CodeRange{0x2753, 0x2757},   CodeRange{0x2795, 0x2797},   CodeRange{0x27B0, 0x27BF},
    CodeRange{0x2B1B, 0x2B1C},   CodeRange{0x2B50, 0x2B55},   CodeRange{0x2E80, 0xA4CF},
    CodeRange{0xA960, 0xA97F},   CodeRange{0xAC00, 0xD7A3},   CodeRange{0xF900, 0xFAFF},
    CodeRange{0xFE30, 0xFE6F},   CodeRange{0xFF00, 0xFF60},   CodeRange{0xFFE0, 0xFFE6},
    CodeRange{0x16FE0, 0x1B2FF}, CodeRange{0x1F004, 0x1F004}, CodeRange{0x1F0CF, 0x1F0CF},
    CodeRange{0x1F18E, 0x1F265}, CodeRange{0x1F300, 0x1FAFF}, CodeRange{0x20000, 0x3FFFD}};
/// Combining marks of the scripts that have most of them, joiners, and what chooses a variant.
constexpr std::array kZero = {
    CodeRange{0x0300, 0x036F}, CodeRange{0x0483, 0x0489},  CodeRange{0x0591, 0x05BD},
    CodeRange{0x0610, 0x061A}, CodeRange{0x064B, 0x065F},  CodeRange{0x0670, 0x0670},
    CodeRange{0x06D6, 0x06DC}, CodeRange{0x0900, 0x0902},  CodeRange{0x093C, 0x093C},
    CodeRange{0x0941, 0x0948}, CodeRange{0x094D, 0x094D},  CodeRange{0x0E31, 0x0E31},
    CodeRange{0x0E34, 0x0E3A}, CodeRange{0x0E47, 0x0E4E},  CodeRange{0x1AB0, 0x1AFF},
    CodeRange{0x1DC0, 0x1DFF}, CodeRange{0x200B, 0x200F},  CodeRange{0x20D0, 0x20FF},
    CodeRange{0x302A, 0x302D}, CodeRange{0x3099, 0x309A},  CodeRange{0xFE00, 0xFE0F},
    CodeRange{0xFE20, 0xFE2F}, CodeRange{0xE0100, 0xE01EF}};

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
