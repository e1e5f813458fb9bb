#pragma once

#include <cstddef>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// How far one result may be relied on: from its rows, and from what was decided from them. Asks nothing of
/// what is in `result.verdict` already.
Verdict judge(const ScenarioResult& result);

/// How far the whole run may be relied on: what befell the run, and every remark on its results (with their
/// names where there are several). @param scenarios how many there were to measure. @param unfinished the
/// coordinator was gone before the run was over.
Verdict judge(const Report& report, std::size_t scenarios, bool unfinished);

}  // namespace kneepoint::coordinator
