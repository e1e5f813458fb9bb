#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// What `validate` says of a plan, for a program: {schema: "kneepoint.validation/1", valid, error, name,
/// targets[], runs[], thresholds[], warnings[]}, as docs/plan.md has it. Ends with a line break.
std::string plan_json(const Result<Plan>& plan);

}  // namespace kneepoint::coordinator
