#pragma once

#include <string>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// The lines about one target of a plan.
std::string describe_target(const Target& target);
/// Adds what is likely a mistake in a target, one line each.
void warn_about_target(const Target& target, const Plan& plan, std::vector<std::string>& warnings);

}  // namespace kneepoint::coordinator
