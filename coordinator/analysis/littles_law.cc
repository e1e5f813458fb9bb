#include "coordinator/analysis/littles_law.h"

#include <algorithm>
#include <cmath>

namespace kneepoint::coordinator {
namespace {

constexpr double kTolerance = 0.02;
constexpr double kEdgeShare = 0.25;

template <class Weight>
std::optional<double> error_under(std::span<const ResidenceSecond> seconds, Weight weight) {
  double in_flight = 0;
  double ended = 0;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double w = weight((static_cast<double>(i) + 0.5) / static_cast<double>(seconds.size()));
    in_flight += w * seconds[i].in_flight;
    ended += w * seconds[i].residence_ended;
  }
  if (in_flight <= 0) return std::nullopt;
  return (in_flight - ended) / in_flight;
}

}  // namespace

std::optional<LittlesLaw> littles_law(std::span<const ResidenceSecond> seconds, double mean_residence,
                                      double longest_residence, double slots) {
  const double window = static_cast<double>(seconds.size());
  if (mean_residence <= 0 || mean_residence > window / 2) return std::nullopt;
  const auto plain = error_under(seconds, [](double) { return 1.0; });
  const auto tapered = error_under(seconds, [](double x) { return x * (1 - x); });
  if (!plain || !tapered) return std::nullopt;
  const double chance = longest_residence / (window * std::sqrt(std::max(slots, 1.0)));
  return LittlesLaw{.error = std::abs(*plain) < std::abs(*tapered) ? *plain : *tapered,
                    .tolerance = std::max({kTolerance, kEdgeShare * mean_residence / window, chance})};
}

}  // namespace kneepoint::coordinator
