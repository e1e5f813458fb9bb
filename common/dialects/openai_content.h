#pragma once

#include <simdjson.h>

#include "common/dialects/openai_answer.h"

namespace kneepoint {

/// Reads what a message of a chat carries, a `delta` of a stream or a whole `message`, and notes it: content
/// as a text or in parts (`[{"type": "text", …}]`, thinking parts), reasoning in the names that servers have
/// for it, refusals, audio, images, tool calls and the older function call. @return false when it is
/// malformed.
bool read_message(simdjson::ondemand::object& message, OpenAiAnswer::Found& found);

}  // namespace kneepoint
