#include "coordinator/compare/paired.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

using Weights = std::array<double, 4>;  // of windows in the order in which they were measured

constexpr std::size_t kFewestLoads = 3;
/// Of what the two outside have less than the two inside.
constexpr Weights kEffect = {-0.5, 0.5, 0.5, -0.5};
/// Of length 1, and orthogonal to the mean, to kEffect and to a straight line.
const Weights kChance = {-1 / std::sqrt(20.0), 3 / std::sqrt(20.0), -3 / std::sqrt(20.0),
                         1 / std::sqrt(20.0)};

bool testable(const Turns& turns) {
  return std::all_of(turns.windows.begin(), turns.windows.end(),
                     [](const Sample& s) { return s.standard_error && s.degrees >= 1; });
}

double contrast(const Turns& turns, const Weights& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * std::log(turns.windows[i].value);
  return sum;
}

/// ln of the other over the base.
double effect_of(const Turns& turns) {
  return (turns.base_outside ? 1 : -1) * contrast(turns, kEffect);
}

/// The variance of such a contrast, as the windows themselves know it.
double own_variance(const Turns& turns, const Weights& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    sum += std::pow(weights[i] * relative_error(turns.windows[i]), 2);
  return sum;
}

/// After Welch and Satterthwaite.
double own_degrees(const Turns& turns) {
  double below = 0;
  for (std::size_t i = 0; i < kEffect.size(); ++i)
    below += std::pow(kEffect[i] * relative_error(turns.windows[i]), 4) / turns.windows[i].degrees;
  return std::max(1.0, std::pow(own_variance(turns, kEffect), 2) / below);
}

/// How much larger the true variance is than the windows' own.
double excess(const std::vector<const Turns*>& tested) {
  double sum = 0;
  for (const Turns* turns : tested)
    sum += std::pow(contrast(*turns, kChance), 2) / own_variance(*turns, kChance);
  return sum / static_cast<double>(tested.size());
}

}  // namespace

std::vector<Difference> paired_differences(const std::vector<Turns>& loads) {
  std::vector<const Turns*> tested;
  for (const Turns& turns : loads) {
    if (testable(turns)) tested.push_back(&turns);
  }
  const bool pooled = tested.size() >= kFewestLoads;
  const double factor = pooled ? excess(tested) : 1;
  std::vector<Difference> differences;
  for (const Turns& turns : loads) {
    const double effect = effect_of(turns);
    Difference difference{.ratio = std::exp(effect) - 1};
    if (testable(turns)) {
      const double error = std::max(std::sqrt(factor * own_variance(turns, kEffect)), kLeastRelativeError);
      const double degrees = pooled ? static_cast<double>(tested.size()) : own_degrees(turns);
      const double half = student_t(0.975, degrees) * error;
      difference.ci95 = Interval{std::exp(effect - half) - 1, std::exp(effect + half) - 1};
      difference.p = 2 * student_t_upper_tail(std::abs(effect) / error, degrees);
      difference.tested = true;
    }
    differences.push_back(difference);
  }
  return differences;
}

}  // namespace kneepoint::coordinator
