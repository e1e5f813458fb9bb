#pragma once

#include <string>
#include <vector>

#include "coordinator/compare/comparison.h"

namespace kneepoint::coordinator {

/// Where runs asked a result the same texts, and the host holds prompts in a prefix cache, what an earlier
/// run asked may have spared a later one work: says so, with the remedy. Empty where that cannot be.
/// @param results by run; null where a run has none.
std::string shared_cache_remark(const std::vector<ComparedRun>& runs,
                                const std::vector<const ScenarioResult*>& results);

}  // namespace kneepoint::coordinator
