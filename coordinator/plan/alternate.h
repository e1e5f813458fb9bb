#pragma once

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// Why the targets of `plan` cannot take turns: there must be two, both in every scenario, and fixed steps.
/// One line, without the place.
Result<void> can_take_turns(const Plan& plan);

/// One plan of two, whose targets take turns, step by step: that of `plan`, then that of `other`, which gets
/// another name where both have the same. Loads, limits and thresholds are those of `plan`. Fails, in one
/// line, where either has not exactly one target, where a scenario of `plan` has no fixed steps, and where
/// `other` asks something else.
Result<Plan> alternate(Plan plan, const Plan& other);

}  // namespace kneepoint::coordinator
