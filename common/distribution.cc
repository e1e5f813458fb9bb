#include "common/distribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace kneepoint {
namespace {

/// A standard normal deviate by Box and Muller (1958), from two uniforms.
double standard_normal(std::uint64_t random) {
  const double radius = 1 - unit_interval(random);  // (0, 1]
  const double angle = unit_interval(mix_bits(random));
  return std::sqrt(-2 * std::log(radius)) * std::cos(2 * std::numbers::pi * angle);
}

double pick(const std::vector<double>& values, const std::vector<double>& weights, double unit) {
  if (weights.empty()) {
    const auto place = static_cast<std::size_t>(unit * static_cast<double>(values.size()));
    return values[std::min(place, values.size() - 1)];
  }
  double left = unit * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    left -= weights[i];
    if (left < 0) return values[i];
  }
  return values.back();
}

}  // namespace

double Distribution::sample(std::uint64_t random) const {
  switch (kind) {
    case Kind::kFixed:
      return mean;
    case Kind::kUniform:
      return min + (max - min) * unit_interval(random);
    case Kind::kNormal:
      return std::clamp(mean + stddev * standard_normal(random), min, max);
    case Kind::kLogNormal: {
      // Mean and SD of the values give those of the logarithm: σ² = ln(1 + sd²/m²), μ = ln m − σ²/2.
      const double variance = std::log1p(stddev * stddev / (mean * mean));
      const double log = std::log(mean) - variance / 2 + std::sqrt(variance) * standard_normal(random);
      return std::clamp(std::exp(log), min, max);
    }
    case Kind::kEmpirical:
      break;
  }
  return pick(values, weights, unit_interval(random));
}

std::uint32_t Distribution::sample_whole(std::uint64_t random, std::uint32_t least) const {
  double value = 0;
  if (kind == Kind::kUniform) {
    value = std::min(max, min + std::floor(unit_interval(random) * (max - min + 1)));
  } else {
    value = sample(random);
  }
  return static_cast<std::uint32_t>(std::max<double>(least, std::round(std::min(value, 4e9))));
}

double Distribution::expected() const {
  switch (kind) {
    case Kind::kUniform:
      return (min + max) / 2;
    case Kind::kEmpirical: {
      if (weights.empty()) {
        return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
      }
      return std::inner_product(values.begin(), values.end(), weights.begin(), 0.0) /
             std::accumulate(weights.begin(), weights.end(), 0.0);
    }
    default:
      return mean;
  }
}

double Distribution::largest() const {
  return kind == Kind::kEmpirical ? *std::max_element(values.begin(), values.end()) : max;
}

}  // namespace kneepoint
