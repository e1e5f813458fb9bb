#pragma once

#include <string>
#include <vector>

#include "coordinator/measure/batch_means.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// How a limit was kept in a window.
struct SloEvidence {
  std::uint64_t met = 0, missed = 0;
  std::vector<double> batch_ratios;  ///< Share of misses in each of `batches`; empty where that is unknown.
  Batches batches;
};

/// PASS where the upper bound of the share of misses is within what the quantile allows, FAIL where its lower
/// bound is not, else INDETERMINATE. Bounds are one-sided at 95 %; each the more cautious of Clopper–Pearson,
/// which knows small counts, and batches, which know correlation.
/// @param allowed 1 − quantile.
SloCheck check_slo(std::string name, const SloEvidence& evidence, double allowed);

}  // namespace kneepoint::coordinator
