#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "coordinator/results/model.h"

/// The statistics that the analysis stands on, as pure functions of numbers. The distributions are
/// Boost.Math's.
namespace kneepoint::coordinator {

/// Absent where there is nothing that it would be a part of.
inline std::optional<double> ratio(double part, double whole) {
  if (whole <= 0) return std::nullopt;
  return part / whole;
}

/// The 95 % quantile of the standard normal distribution: one-sided bounds.
inline constexpr double kOneSided95 = 1.6448536269514722;
/// Its 97.5 % quantile: half of a two-sided 95 % interval, in standard errors.
inline constexpr double kTwoSided95 = 1.959963984540054;

/// The p-quantile of Student's t with `degrees` degrees of freedom (at least 1). @param p in (0, 1).
double student_t(double p, double degrees);
/// The chance that Student's t exceeds `t`.
double student_t_upper_tail(double t, double degrees);

/// Exact one-sided bounds (Clopper–Pearson) of a proportion of which `hits` of `n` were seen: the true one is
/// above `upper` (or below `lower`) with a chance of at most 1 − confidence. 1 and 0 where n is 0.
double proportion_upper(double hits, double n, double confidence = 0.95);
double proportion_lower(double hits, double n, double confidence = 0.95);

/// The fewest samples from which the q-quantile is printed: with 99 % certainty at least two samples lie
/// above the true quantile, P(Binomial(n, 1 − q) ≤ 1) ≤ 1 %. 64 for p90, 130 for p95, 662 for p99. @param q
/// in [0.5, 1).
std::uint64_t minimum_count(double q);

/// The nondecreasing sequence nearest to `values` in weighted least squares (pool adjacent violators).
/// @param weights positive, as many as values.
std::vector<double> isotonic_fit(std::span<const double> values, std::span<const double> weights);

/// How fast something moves, and the 95 % interval of that.
struct Trend {
  double slope = 0;
  Interval ci95;
};
/// Theil–Sen slope of equally spaced values, per spacing, and Sen's interval of it (normal approximation of
/// Kendall's S, which takes the values for independent). Absent below 6 values, where the interval means
/// nothing. Quadratic: past 600 values, neighbours are averaged.
std::optional<Trend> theil_sen(std::span<const double> values);
/// The same of values at `places`, which rise; per unit of these. At most 600.
std::optional<Trend> theil_sen(std::span<const double> values, std::span<const double> places);

/// Mean and sample standard deviation; the latter 0 below two values.
struct Moments {
  double mean = 0;
  double stddev = 0;
};
Moments moments(std::span<const double> values);

}  // namespace kneepoint::coordinator
