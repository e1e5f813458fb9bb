#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// Text from elsewhere (servers, agents, plans, files of other people) on its way to a terminal, a log or a
/// page.
namespace kneepoint {

struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t bytes = 1;
};

/// The first code point of non-empty UTF-8 `text`; a byte that begins none stands for itself as U+FFFD.
CodePoint first_code_point(std::string_view text);

/// Both ends included.
struct CodeRange {
  char32_t first, last;
};
bool within(std::span<const CodeRange> ranges, char32_t value);

/// Whether a terminal or a page could take the character for an instruction: C0 and C1 controls, DEL, what
/// turns the direction of text, line and paragraph separators, invisible tags.
bool is_instruction(char32_t value);

/// `text` as one line that says no more than it shows: each instruction, and each byte that is no UTF-8, is
/// "?".
std::string printable(std::string_view text);

/// The same, but line breaks and tabs stay.
std::string printable_lines(std::string_view text);

/// At most `bytes` of printable `text`; what was cut off is told by "…".
std::string printable_start(std::string_view text, std::size_t bytes);

}  // namespace kneepoint
