#pragma once

#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What to run the target at, from valid rows and what was decided from them (docs/method.md lists the
/// formulas). A figure whose evidence is missing is left out. Not to be called for a result that is not
/// trustworthy.
std::vector<Recommendation> recommend(const ScenarioResult& result, const Target& target);

}  // namespace kneepoint::coordinator
