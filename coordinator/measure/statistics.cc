#include "coordinator/measure/statistics.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace kneepoint::coordinator {

double student_t(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t(std::max(degrees, 1.0)), p);
}

double student_t_upper_tail(double t, double degrees) {
  return boost::math::cdf(boost::math::complement(boost::math::students_t(std::max(degrees, 1.0)), t));
}

double proportion_upper(double hits, double n, double confidence) {
  if (n <= 0 || hits >= n) return 1;
  return boost::math::quantile(
      boost::math::beta_distribution<>(std::max(hits, 0.0) + 1, n - std::max(hits, 0.0)), confidence);
}

double proportion_lower(double hits, double n, double confidence) {
  if (n <= 0 || hits <= 0) return 0;
  return boost::math::quantile(boost::math::beta_distribution<>(std::min(hits, n), n - std::min(hits, n) + 1),
                               1 - confidence);
}

std::uint64_t minimum_count(double q) {
  constexpr double kDoubt = 0.01;
  std::uint64_t n = 2;
  const auto at_most_one_above = [q](double count) {
    return std::pow(q, count) + count * (1 - q) * std::pow(q, count - 1);
  };
  while (at_most_one_above(static_cast<double>(n)) > kDoubt) ++n;
  return n;
}

std::vector<double> isotonic_fit(std::span<const double> values, std::span<const double> weights) {
  struct Block {
    double mean;
    double weight;
    std::size_t size;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < values.size(); ++i) {
    blocks.push_back({values[i], weights[i], 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean > blocks.back().mean) {
      const Block last = blocks.back();
      blocks.pop_back();
      Block& into = blocks.back();
      const double weight = into.weight + last.weight;
      into.mean = (into.mean * into.weight + last.mean * last.weight) / weight;
      into.weight = weight;
      into.size += last.size;
    }
  }
  std::vector<double> fit;
  fit.reserve(values.size());
  for (const Block& block : blocks) fit.insert(fit.end(), block.size, block.mean);
  return fit;
}

std::optional<Trend> theil_sen(std::span<const double> values) {
  constexpr std::size_t kMost = 600;
  if (values.size() > kMost) {
    const std::size_t group = (values.size() + kMost - 1) / kMost;
    std::vector<double> grouped;
    for (std::size_t i = 0; i + group <= values.size(); i += group) {
      grouped.push_back(moments(values.subspan(i, group)).mean);
    }
    auto trend = theil_sen(grouped);
    if (trend) {
      const double per = static_cast<double>(group);
      *trend = {trend->slope / per, {trend->ci95.low / per, trend->ci95.high / per}};
    }
    return trend;
  }
  std::vector<double> places(values.size());
  std::iota(places.begin(), places.end(), 0.0);
  return theil_sen(values, places);
}

std::optional<Trend> theil_sen(std::span<const double> values, std::span<const double> places) {
  constexpr std::size_t kFewest = 6;
  if (values.size() < kFewest) return std::nullopt;
  std::vector<double> slopes;
  slopes.reserve(values.size() * (values.size() - 1) / 2);
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = i + 1; j < values.size(); ++j) {
      slopes.push_back((values[j] - values[i]) / (places[j] - places[i]));
    }
  }
  std::sort(slopes.begin(), slopes.end());
  const auto at = [&](double position) {  // linear between order statistics, clamped to the ends
    const double clamped = std::clamp(position, 0.0, static_cast<double>(slopes.size() - 1));
    const auto below = static_cast<std::size_t>(clamped);
    const std::size_t above = std::min(below + 1, slopes.size() - 1);
    return slopes[below] + (clamped - static_cast<double>(below)) * (slopes[above] - slopes[below]);
  };
  const double n = static_cast<double>(values.size());
  const double pairs = static_cast<double>(slopes.size());
  const double spread = 1.959964 * std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
  return Trend{at((pairs - 1) / 2), {at((pairs - spread) / 2 - 1), at((pairs + spread) / 2)}};
}

Moments moments(std::span<const double> values) {
  if (values.empty()) return {};
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? 0 : std::sqrt(squares / (n - 1))};
}

}  // namespace kneepoint::coordinator
