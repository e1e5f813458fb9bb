#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/analysis/batch_means.h"
#include "coordinator/report/model.h"

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

/// Per limit: the largest N that passes where no smaller N fails, with the bracket of the largest such N and
/// the smallest N that fails. Rows that are not valid never pass; they may fail where only the target is to
/// blame. States: "PASS" (the top passes), "BRACKETED", "FAIL" (no N passes below the first that fails),
/// "INDETERMINATE" (too few requests to tell).
SloResult find_slo(const std::vector<Step>& steps, const std::vector<SloLimit>& limits);

}  // namespace kneepoint::coordinator
