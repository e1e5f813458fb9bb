#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/plan.h"
#include "coordinator/measure/target_health.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What is known of a result beside its rows.
struct Circumstances {
  std::vector<Outage> outages;         ///< Of its target, while it was measured.
  std::vector<std::int64_t> restarts;  ///< Seconds by which its engine had begun anew, as its page told.
  Target target;
  std::uint64_t seed = 1;  ///< Of the bootstrap.
};

/// How far one result may be relied on: from its rows, and from what was decided from them. Asks nothing of
/// what is in `result.verdict` already. A row that is not valid takes trust away where the answer hangs on
/// it.
Verdict judge(const ScenarioResult& result, const Circumstances& circumstances);

/// How far the whole run may be relied on: what befell the run, and every remark on its results (with their
/// names where there are several). @param scenarios how many there were to measure. @param unfinished the
/// coordinator was gone before the run was over.
Verdict judge(const Report& report, std::size_t scenarios, bool unfinished);

}  // namespace kneepoint::coordinator
