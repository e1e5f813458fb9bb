#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <vector>

namespace kneepoint::coordinator {

/// The requests that a logged chat was made of: one for each message of the assistant, and one for what comes
/// after its last one. Each is given as what it adds to the one before, answers and tools' results included:
/// messages of OpenAI's chat API in JSON, joined by commas. Throws DatasetError.
/// @param messages a list as OpenAI's API has it, sent on unchanged, or as ShareGPT has it (`from`, `value`),
/// whose roles are named anew: human user, gpt assistant; a function_call is what the assistant says, and an
/// observation what it is told, for no call has an id there.
std::vector<std::string> logged_turns(simdjson::dom::element messages, std::size_t line);

}  // namespace kneepoint::coordinator
