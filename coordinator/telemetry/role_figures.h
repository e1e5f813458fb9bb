#pragma once

#include <string_view>
#include <vector>

#include "coordinator/telemetry/step_telemetry.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// Whether a server of `role` speaks for its target in `signal`, where the target has servers of several
/// roles: each stage of a request is told by those that do it, and no token is counted by two.
bool speaks_for_target(std::string_view role, Signal signal);

/// What the servers of each role say of [begin, end), in the order of a request's way. Empty where no page
/// has a role. @param pages of the target, of any role.
std::vector<RoleFigures> role_figures(const std::vector<EnginePage>& pages, double begin, double end);

}  // namespace kneepoint::coordinator
