#pragma once

#include <cstdint>
#include <optional>

namespace kneepoint::coordinator {

/// Of a row that measures again for what is claimed: the ends of the interval that is to be confirmed, and
/// which time round it is.
struct Look {
  std::uint32_t number = 1;
  double low = 0;              ///< Step::load() of its lower end.
  std::optional<double> high;  ///< Of its upper end; absent where only a lower bound is claimed.
  bool operator==(const Look&) const = default;
};

}  // namespace kneepoint::coordinator
