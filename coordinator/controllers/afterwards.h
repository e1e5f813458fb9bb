#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/controllers/steps.h"

namespace kneepoint::coordinator {

/// Steps that a plan asks for once its ramp has ended.
struct Afterwards {
  Ramp ramp;
  FixedSteps::Purpose purpose;
};

/// What `ramp` asks for after itself, decided by the rows that it gave:
///   proof    the valid row nearest to the knee (without one: the highest) again, for as long, with each
///            number of agents in turn
///   descend  from the lowest valid row at or above twice the knee (without one: the highest) down to the
///            lowest, in steps that are at least a quarter apart
/// Nothing where no row is valid. It does not depend on who is there: a run that is gone on with by fewer or
/// more agents finds the same stages, and one that asks for more than there are ends as it begins.
std::vector<Afterwards> afterwards(const Ramp& ramp, const std::vector<Step>& rows);

}  // namespace kneepoint::coordinator
