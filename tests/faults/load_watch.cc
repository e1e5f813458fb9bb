#include "tests/faults/load_watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/lease.h"

namespace kneepoint::faults {
namespace {

/// How far an agent's zero may lie from the coordinator's besides.
constexpr Nanos kClocks = std::chrono::milliseconds(5);

}  // namespace

std::uint32_t LoadWatch::allowed() const {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    if (levels_[i].first > world_.now() + kClocks) continue;
    const bool over = i + 1 < levels_.size() && levels_[i + 1].last + lease::kPromise < world_.now();
    if (!over) most = std::max(most, levels_[i].concurrency);
  }
  return most;
}

std::optional<std::string> LoadWatch::check(std::size_t in_flight, std::size_t moved) const {
  if (in_flight <= allowed() + moved) return std::nullopt;
  return fmt::format("(b) {} in flight, and {} asked for, at {:.3f} s", in_flight, allowed(),
                     to_seconds(world_.elapsed()));
}

}  // namespace kneepoint::faults
