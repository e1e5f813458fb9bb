#pragma once

#include <cstdint>
#include <optional>

#include "coordinator/results/model.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {

struct KneeOptions {
  int bootstraps = 1000;
  std::uint64_t seed = 1;
  bool moved = false;  ///< The host moved in time: a fall between two loads may be that, and is not named.
};

struct Knee {
  double concurrency = 0;
  Interval ci95;
  std::optional<Interval> line;  ///< From which load to which one straight line told it, where one did.
};

/// The smallest N with X(N) ≥ 0.95 · max X over [N, 2N]. Where at least five points from N/2.5 to 5·N lie on
/// a straight line N/X = a + c·N as closely as their errors allow, that line says where (9·a/c) and all of
/// them share the work; else the interpolated curve does. Absent where the scan did not reach 2N.
std::optional<double> locate_knee(const ThroughputCurve& curve);

/// The same with its 95 % interval: 2.5 to 97.5 % of a parametric bootstrap, with 2 % added in quadrature for
/// what resampling cannot show (a kink or peak between steps), and always the measured steps on both sides.
/// Where those are more than 16 % apart it is widened to the steps that surely lie on either side: between
/// them the curve is interpolated, which is not evidence. Absent also where most resamples do not reach 2N.
std::optional<Knee> estimate_knee(const ThroughputCurve& curve, const KneeOptions& options = {});

/// The nearest measured concurrencies at or below and at or above `n`.
Interval bracket_of(const ThroughputCurve& curve, double n);

}  // namespace kneepoint::coordinator
