#include "coordinator/verdict/usl.h"

#include <array>
#include <cmath>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using Row = std::array<double, 4>;  // three coefficients and the right side

/// Solves the normal equations of those parameters that are in use (Gauss, pivots by size); the others are 0.
std::optional<std::array<double, 3>> solve_normal(std::array<Row, 3> system,
                                                  const std::array<bool, 3>& in_use) {
  for (std::size_t p = 0; p < 3; ++p) {
    if (in_use[p]) continue;
    for (std::size_t other = 0; other < 3; ++other) system[p][other] = system[other][p] = 0;
    system[p][p] = 1;
    system[p][3] = 0;
  }
  for (std::size_t column = 0; column < 3; ++column) {
    std::size_t pivot = column;
    for (std::size_t row = column + 1; row < 3; ++row) {
      if (std::abs(system[row][column]) > std::abs(system[pivot][column])) pivot = row;
    }
    std::swap(system[column], system[pivot]);
    if (std::abs(system[column][column]) < 1e-12) return std::nullopt;
    for (std::size_t row = 0; row < 3; ++row) {
      if (row == column) continue;
      const double factor = system[row][column] / system[column][column];
      for (std::size_t k = column; k < 4; ++k) system[row][k] -= factor * system[column][k];
    }
  }
  std::array<double, 3> solution{};
  for (std::size_t p = 0; p < 3; ++p) solution[p] = system[p][3] / system[p][p];
  return solution;
}

}  // namespace

std::optional<Usl> fit_usl(std::span<const ThroughputPoint> points) {
  if (points.size() < 4) return std::nullopt;
  // In units of the largest N and of its token time, so that the equations are of one size.
  const double top = points.back().concurrency;
  const double unit = points.back().concurrency / points.back().throughput;
  std::array<Row, 3> normal{};
  for (const ThroughputPoint& point : points) {
    const double n = point.concurrency;
    const double s = n / point.throughput / unit;
    const double weight = std::pow(point.throughput / (s * point.standard_error), 2);
    const std::array<double, 3> terms = {1, (n - 1) / top, n * (n - 1) / (top * top)};
    for (std::size_t i = 0; i < 3; ++i) {
      for (std::size_t j = 0; j < 3; ++j) normal[i][j] += weight * terms[i] * terms[j];
      normal[i][3] += weight * terms[i] * s;
    }
  }
  std::array<bool, 3> in_use = {true, true, true};
  auto found = solve_normal(normal, in_use);
  for (const std::size_t p : {2, 1}) {  // what would be negative is 0
    if (!found || (*found)[p] >= 0) continue;
    in_use[p] = false;
    found = solve_normal(normal, in_use);
  }
  if (!found || (*found)[0] <= 0 || (*found)[1] < 0) return std::nullopt;
  return Usl{.lambda = 1 / ((*found)[0] * unit),
             .sigma = (*found)[1] / (*found)[0] / top,
             .kappa = (*found)[2] / (*found)[0] / (top * top)};
}

std::optional<double> power_concurrency(std::span<const ThroughputPoint> points) {
  const ThroughputPoint* best = nullptr;
  const auto power = [](const ThroughputPoint& point) {
    return point.throughput * point.throughput / point.concurrency;
  };
  for (const ThroughputPoint& point : points) {
    if (best == nullptr || power(point) > power(*best)) best = &point;
  }
  return best == nullptr ? std::nullopt : std::optional(best->concurrency);
}

}  // namespace kneepoint::coordinator
