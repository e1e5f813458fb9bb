#pragma once

#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// report.md: GitHub-flavoured tables that paste into a ticket. What comes from the plan or the target is
/// escaped.
std::string render_markdown(const Report& report);

}  // namespace kneepoint::coordinator
