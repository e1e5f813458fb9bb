#pragma once

#include <string_view>

namespace kneepoint::coordinator {

/// Calls `visit(line, number)` for every line that is not blank, numbered from 1, until it returns false.
/// Line ends are LF or CRLF.
template <class Visit>
void each_line(std::string_view text, Visit visit) {
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos && !visit(line, number)) return;
  }
}

}  // namespace kneepoint::coordinator
