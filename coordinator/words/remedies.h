#pragma once

#include <span>
#include <string_view>

namespace kneepoint::coordinator {

/// What a remark's code stands for, and what to do about it.
struct Remedy {
  std::string_view code;
  std::string_view meaning;  ///< A sentence without a stop.
  std::string_view remedy;   ///< The same; empty: nothing.
};

/// Every code that a remark may have, by its name; docs/report.md shows them.
std::span<const Remedy> remedies();
/// What to do about `code`; empty where nothing is, or where the code is not known.
std::string_view remedy_for(std::string_view code);

}  // namespace kneepoint::coordinator
