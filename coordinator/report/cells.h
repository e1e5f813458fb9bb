#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "coordinator/results/units.h"

/// What stands in a cell of a table.
namespace kneepoint::coordinator {

inline std::string figure(const std::optional<double>& value) {
  return value ? format_figure(*value) : std::string(kAbsent);
}

/// Of a ratio.
inline std::string percent(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.1f} %", *ratio * 100) : std::string(kAbsent);
}

}  // namespace kneepoint::coordinator
