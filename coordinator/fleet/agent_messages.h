#pragma once

#include <memory>

#include "common/result.h"
#include "coordinator/fleet/agent_link.h"

namespace kneepoint::v1 {
class AgentMessage;
}

namespace kneepoint::coordinator {

/// Whether a message can be worked with: its instants can be added and subtracted, its texts shown. An error
/// names the field. What only makes sense within a run (an epoch, a cell) is the fleet's to judge. Pure.
Result<void> check(const v1::AgentMessage& message);

/// What a link passes on of a message: itself, where it can be worked with, or what is read out of it, where
/// it carries a batch. An error says what is wrong.
Result<LinkEvent::What> event_of(const std::shared_ptr<v1::AgentMessage>& message);

}  // namespace kneepoint::coordinator
