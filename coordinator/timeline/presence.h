#pragma once

#include <cstdint>
#include <limits>

namespace kneepoint::coordinator {

/// The seconds of a run that are expected from an agent: [from, until).
struct Presence {
  static constexpr std::int64_t kOpen = std::numeric_limits<std::int64_t>::max();

  std::int64_t from = 0;
  std::int64_t until = kOpen;  ///< kOpen while it is there.

  bool over() const { return until != kOpen; }
  bool operator==(const Presence&) const = default;
};

}  // namespace kneepoint::coordinator
