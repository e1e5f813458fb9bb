#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"

namespace kneepoint::coordinator {

struct SettleUsageOptions {
  std::string run_id;    ///< Whose requests these are, for their User-Agent.
  std::stop_token stop;  ///< Ends it early: all keep asking for all.
  Nanos limit =
      std::chrono::seconds(10);  ///< For each target and extra body; its request timeout may be less.
  /// Requests without a stream and described dialects are asked for, too: there is nothing to settle, but
  /// they may be refused or answered in another form all the same.
  bool for_faults = false;
  std::function<void(const std::string& line)> tell;  ///< Hears, once each, of what is not as usual.
};

/// Finds out, for every cell that streams in a dialect of OpenAI's, how much of its token counts the target
/// tells without refusing the request, so that the first requests of a load ask for no more. Asks each target
/// once for each temperature, top_p and extra body, for two tokens, all targets at the same time; blocks.
/// Where a target cannot tell, requests begin with all and are asked again with less, each by itself.
/// @returns what would make every request of the load fail, in the host's words, and what to write in the
/// plan instead: one line for each target and fault. Empty where the load may begin.
std::vector<std::string> settle_usage(const Plan& plan, std::vector<Cell>& cells,
                                      const SettleUsageOptions& options);

}  // namespace kneepoint::coordinator
