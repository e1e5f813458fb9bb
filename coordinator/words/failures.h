#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// What a report says of requests that failed, once for every renderer: clauses.
namespace kneepoint::coordinator {

/// "28 × 429, 3 × broken off"; empty where nothing failed.
std::string kinds_words(const RequestCounts& all);

/// "not connected" where all failed alike, else as above.
std::string kinds_in_short(const RequestCounts& all);

/// "4.1 % (28 × 429, 3 × broken off)" of all that ended; "none".
std::string errors_words(const RequestCounts& all);

/// "429: {"error": "slow down"}": what the host said in one of the failures of the most frequent kind that it
/// said anything of; empty where it said nothing.
std::string example_of(const RequestCounts& all);

/// "11 × 429 at 64 and 128; one said: {"error": "slow down"}; X-Request-Id abc-1": each kind of failure, most
/// first. @param all What the requests in the windows of `result` came to, taken together.
std::vector<std::string> failure_sentences(const ScenarioResult& result, const RequestCounts& all);

}  // namespace kneepoint::coordinator
