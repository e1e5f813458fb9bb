#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/tables.h"
#include "coordinator/results/model.h"

/// What a report says of requests that failed, and of those that waited longest, once for every renderer.
namespace kneepoint::coordinator {

/// "28 × 429, 3 × broken off"; empty where nothing failed.
std::string kinds_words(const RequestCounts& all);

/// "4.1 % (28 × 429, 3 × broken off)" of all that ended; "none".
std::string errors_words(const RequestCounts& all);

/// What the requests in the windows of a result came to, taken together.
RequestCounts all_requests(const std::vector<Step>& steps);

/// The longest time between two chunks of one answer, in seconds; absent where no answer had two.
std::optional<double> longest_silence(const std::vector<Step>& steps);

/// "429: {"error": "slow down"}": what the host said in one of the failures of the most frequent kind that it
/// said anything of; empty where it said nothing.
std::string example_of(const RequestCounts& all);

/// "11 × 429 at 64 and 128; one said: {"error": "slow down"}; X-Request-Id abc-1": each kind of failure, most
/// first.
std::vector<std::string> failure_sentences(const ScenarioResult& result);

/// The ten requests of the result that waited longest for their first token; no rows without `records`.
Table slowest_table(const ScenarioResult& result);

}  // namespace kneepoint::coordinator
