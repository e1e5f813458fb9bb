#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace kneepoint {

/// "1 step", "2 steps": of a noun that takes an s.
inline std::string plural(std::size_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

/// "is" of one, "are" of more.
inline std::string_view is_or_are(std::size_t n) {
  return n == 1 ? "is" : "are";
}

}  // namespace kneepoint
