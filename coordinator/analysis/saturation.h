#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "coordinator/analysis/throughput_curve.h"
#include "coordinator/report/model.h"

namespace kneepoint::coordinator {

struct SaturationOptions {
  int bootstraps = 1000;
  std::uint64_t seed = 1;
};

/// Where throughput stops following the load (docs/method.md). Pure; rows that are not valid are never the
/// knee.
///
/// The interval contains the measured steps on both sides of the knee and the 95 % range of a parametric
/// bootstrap, widened to measured steps: between two steps the curve is interpolated, which is not evidence.
/// Where the scan did not reach twice the knee: no concurrency, and a lower bound.
Saturation find_saturation(const std::vector<Step>& steps, const SaturationOptions& options = {});

/// "hard" where past the knee TPOT is flat and TTFT grows (slots are full, requests queue before them),
/// "soft" where TPOT grows with the load (every request is slowed), "" where the rows past the knee show
/// neither.
std::string knee_kind_of(const std::vector<Step>& steps, double knee);

}  // namespace kneepoint::coordinator
