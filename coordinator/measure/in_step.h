#pragma once

#include "coordinator/measure/client_load.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Whether a step's streams run in step: answers of equal length end and begin together, so that completions
/// a second come in multiples of the load, or what the page says at one instant contradicts what the client
/// sees all the time. A gauge that is read once a second then tells of one phase of the beat only.
bool streams_in_step(const Step& step, const ClientLoad& client);

}  // namespace kneepoint::coordinator
