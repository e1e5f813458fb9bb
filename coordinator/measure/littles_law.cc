#include "coordinator/measure/littles_law.h"

#include <algorithm>
#include <cmath>

namespace kneepoint::coordinator {

std::optional<LittlesLaw> littles_law(const Residence& r) {
  constexpr double kTolerance = 0.02;
  constexpr double kConvoy = 1.1;
  if (r.in_flight <= 0 || r.slots <= 0 || r.mean <= 0 || r.mean > r.window / 2) return std::nullopt;
  constexpr double kVaries = 2;
  const double chance =
      (r.held ? 1 : kVaries) * std::sqrt(r.together) * r.longest / (r.window * std::sqrt(r.slots));
  return LittlesLaw{
      .error = (r.in_flight - r.ended) / r.in_flight,
      .tolerance = std::max({kTolerance, kConvoy * r.mean / (r.window * std::min(r.slots, 1.0)), chance})};
}

}  // namespace kneepoint::coordinator
