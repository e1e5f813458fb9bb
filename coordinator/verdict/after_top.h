#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

/// What the steps after a ramp show: whether the verdict survives other agents, and how the host comes back
/// from overload. docs/method.md says how they are judged.
namespace kneepoint::coordinator {

/// How long after `window`'s level took effect throughput and TTFT were those of `reference` again: the start
/// of the first few seconds (two residence times, at least 3 s) whose throughput differs by no more than 5 %
/// and whose TTFT p50 is at most 25 % higher, or by no more than the reference's interval where that is
/// wider. Absent where that did not happen before the window's end.
std::optional<double> recovery_seconds(const Timeline& timeline, const StepWindow& window,
                                       const Step& reference);

/// States HOLDS, FAILS and UNDECIDED. @param asked the plan's numbers of agents. @param after rows of any
/// role; notes of proofs are filled in. @param host_moved the ramp's rows show that the host is faster and
/// slower by itself: then a difference is not blamed on the agents.
Finding judge_proof(const std::vector<Step>& ramp, std::vector<Step>& after,
                    const std::vector<std::uint32_t>& asked, std::size_t joined, bool host_moved);

/// States NO HYSTERESIS, HYSTERESIS and UNDECIDED. @param after rows of any role, descending ones with their
/// recovery; their notes are filled in.
Finding judge_descent(const std::vector<Step>& ramp, std::vector<Step>& after, std::optional<double> knee);

}  // namespace kneepoint::coordinator
