#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

struct WaitForTargetsOptions {
  std::string run_id;                             ///< Whose requests these are, for their User-Agent.
  std::function<void(const std::string&)> print;  ///< A line for the user.
  std::function<Result<void>()> check;  ///< Polled ten times a second: an error ends the wait with it.
};

/// Waits until every target whose plan says `wait_ready` serves its model, all at the same time, since they
/// may be loading at the same time. Blocks; the options' functions are called on this thread.
/// @returns by target, the seconds from the server's start, or the first attempt, until its last replica was
/// ready; without those that were ready at the first attempt, which had loaded before. Or why it gave up.
Result<std::map<std::uint32_t, double>> wait_for_targets(const Plan& plan, const Clock& clock,
                                                         const WaitForTargetsOptions& options);

}  // namespace kneepoint::coordinator
