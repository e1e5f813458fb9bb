#pragma once

#include <string>

#include "coordinator/results/model.h"

/// What a report of several results leads with; markup.
namespace kneepoint::coordinator::html {

/// "9 results on host: …": how many there are, and the span of what was found.
std::string overview_sentence(const Report& report);
/// A line for each result.
std::string overview_table(const Report& report);
/// Targets over each other and matrices as heat maps, as a section; empty where there are neither.
std::string side_by_side(const Report& report);

}  // namespace kneepoint::coordinator::html
