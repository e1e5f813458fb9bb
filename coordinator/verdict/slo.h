#pragma once

#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Per limit: the largest N that passes where no smaller N fails, with the bracket of the largest such N and
/// the smallest N that fails. Rows that are not valid never pass; they may fail where only the target is to
/// blame. States: "PASS" (the top passes), "BRACKETED", "FAIL" (no N passes below the first that fails),
/// "INDETERMINATE" (too few requests to tell).
SloResult find_slo(const std::vector<Step>& steps, const std::vector<SloLimit>& limits);

}  // namespace kneepoint::coordinator
