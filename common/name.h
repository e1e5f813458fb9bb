#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kneepoint {

/// What keeps `name` from being one of a plan's (its own, a target's, a scenario's, a class's), and the
/// remedy: "holds U+202E, which does not print; take it out". Absent: nothing. A name ends up in tables,
/// labels, pages and the run's folder: 1 to 64 printable characters of UTF-8, no space at either end, and an
/// ASCII letter, a digit or a character beyond ASCII first, so that no shell, table or spreadsheet takes it
/// for more than a name.
std::optional<std::string> name_fault(std::string_view name);

inline bool is_valid_name(std::string_view name) {
  return !name_fault(name);
}

/// `name` in ASCII letters, digits, '.', '_' and '-' only, as a header of HTTP can carry it; "run" where
/// nothing of it is left.
std::string ascii_name(std::string_view name);

/// `text` made a name: what a name may not hold becomes '-', and so does all ASCII but letters, digits, '.',
/// '_' and '-'; "plan" where nothing is left that could begin one.
std::string made_name(std::string_view text);

}  // namespace kneepoint
