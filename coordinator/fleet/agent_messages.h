#pragma once

#include "common/result.h"

namespace kneepoint::v1 {
class AgentMessage;
}

namespace kneepoint::coordinator {

/// Whether a message can be worked with: its instants can be added and subtracted, its texts shown. An error
/// names the field. What only makes sense within a run (an epoch, a cell) is the fleet's to judge. Pure.
Result<void> check(const v1::AgentMessage& message);

}  // namespace kneepoint::coordinator
