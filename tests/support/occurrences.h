#pragma once

#include <cstddef>
#include <string>

namespace kneepoint {

/// How often `what` stands in `text`; places may overlap.
inline std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

}  // namespace kneepoint
