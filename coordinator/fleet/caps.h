#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/fleet/fleet.h"

namespace kneepoint::coordinator {

/// What the agents' caps make of a plan. An agent refuses a level above its caps whenever it gets one: a line
/// before the run spares the load up to there.
struct CapCheck {
  std::string fault;                 ///< The first level that is sure to be refused; empty: there is none.
  std::vector<std::string> remarks;  ///< Searches that may come to one. Each is one line, with the remedy.
};

/// Pure. A proof is left out: its load is known once its ramp has been measured.
/// @param agents those that share the first level, by number. @param expected how many there are to be.
CapCheck check_caps(const Plan& plan, const std::vector<Cell>& cells, const std::vector<AgentInfo>& agents,
                    std::size_t expected);

}  // namespace kneepoint::coordinator
