#pragma once

#include "common/plan.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

/// Reads what makes a ramp move without a stand: `over` in `ramp` (requests in flight) or in its `rate`.
/// Leaves a ramp without it as it is. @param into with everything else of the ramp but what follows it; gets
/// its rows as steps. Throws yaml::PlanError.
void read_linear(const yaml::MappingReader& ramp, Ramp& into);

}  // namespace kneepoint::coordinator
