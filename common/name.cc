#include "common/name.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "common/printable.h"

namespace kneepoint {
namespace {

constexpr std::size_t kMostCharacters = 64;

/// Nothing that a reader could see or tell from another: Unicode's spaces but ASCII's own, format characters,
/// fillers, what has no meaning that is agreed on. Instructions (common/printable.h) are no part of it.
constexpr std::array kUnseen = {
    CodeRange{0x00A0, 0x00A0},   CodeRange{0x00AD, 0x00AD}, CodeRange{0x034F, 0x034F},
    CodeRange{0x115F, 0x1160},   CodeRange{0x1680, 0x1680}, CodeRange{0x17B4, 0x17B5},
    CodeRange{0x180B, 0x180F},   CodeRange{0x2000, 0x200B}, CodeRange{0x202F, 0x202F},
    CodeRange{0x205F, 0x206F},   CodeRange{0x2800, 0x2800}, CodeRange{0x3000, 0x3000},
    CodeRange{0x3164, 0x3164},   CodeRange{0xE000, 0xF8FF}, CodeRange{0xFEFF, 0xFEFF},
    CodeRange{0xFFA0, 0xFFA0},   CodeRange{0xFFF0, 0xFFFF}, CodeRange{0xE0000, 0xE00FF},
    CodeRange{0xE01F0, 0x10FFFF}};

bool prints(char32_t value) {
  return !is_instruction(value) && !within(kUnseen, value);
}

/// Joins the characters beside it: one emoji out of several, letters of Persian and of Indian scripts.
bool is_joiner(char32_t value) {
  return value == 0x200C || value == 0x200D;
}

bool is_ascii_alphanumeric(char32_t value) {
  return (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z') || (value >= '0' && value <= '9');
}

}  // namespace

std::optional<std::string> name_fault(std::string_view name) {
  if (name.empty()) return "is empty; give a text";
  if (name.front() == ' ' || name.back() == ' ') return "begins or ends with a space; take it out";
  std::size_t characters = 0;
  for (std::string_view rest = name; !rest.empty(); ++characters) {
    const auto [value, bytes] = first_code_point(rest);
    if (value == 0xFFFD && bytes == 1) return "is not UTF-8 text; save it as UTF-8";
    rest.remove_prefix(bytes);
    const bool joins = is_joiner(value) && characters > 0 && !rest.empty();
    if (!joins && (!prints(value) || is_joiner(value)))
      return fmt::format("holds U+{:04X}, which does not print; take it out",
                         static_cast<std::uint32_t>(value));
  }
  if (characters > kMostCharacters)
    return fmt::format("has {} characters; {} are the most", characters, kMostCharacters);
  const auto first = static_cast<unsigned char>(name.front());
  if (first < 0x80 && !is_ascii_alphanumeric(first))
    return fmt::format("begins with '{}'; begin it with a letter or a digit", name.front());
  return std::nullopt;
}

std::string ascii_name(std::string_view name) {
  std::string ascii;
  for (const char c : name) {
    const auto value = static_cast<unsigned char>(c);
    const bool plain = is_ascii_alphanumeric(value) || c == '.' || c == '_';
    if (plain || (c == '-' && !ascii.empty())) {
      ascii += c;
    } else if (!ascii.empty() && ascii.back() != '-') {
      ascii += '-';
    }
  }
  while (!ascii.empty() && ascii.back() == '-') ascii.pop_back();
  return ascii.empty() ? "run" : ascii;
}

std::string made_name(std::string_view text) {
  std::string name;
  for (std::size_t characters = 0; !text.empty() && characters < kMostCharacters; ++characters) {
    const auto [value, bytes] = first_code_point(text);
    const std::string_view piece = text.substr(0, bytes);
    text.remove_prefix(bytes);
    const bool plain =
        value >= 0x80 || is_ascii_alphanumeric(value) || value == '.' || value == '_' || value == '-';
    name += plain && is_valid_name(fmt::format("x{}x", piece)) ? piece : "-";
  }
  return is_valid_name(name) ? name : "plan";
}

}  // namespace kneepoint
