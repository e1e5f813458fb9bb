#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The saturation point in requests in flight, where the load counts sessions: what the rows that stand held
/// on average, between two loads in a line. Its interval is what the ends of the point's hold. Absent where
/// nobody thinks, as the figures of `found` are. Pure.
Estimate held_in_flight(const std::vector<Step>& steps, const Saturation& found);

/// "They hold 37.2 (31.0 to 44.1) requests in flight; 91 % of them think."; empty where nobody thinks.
std::string held_sentence(const std::vector<Step>& steps, const Saturation& found);

}  // namespace kneepoint::coordinator
