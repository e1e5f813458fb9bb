#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint {

/// How much load an agent takes, whoever asks for it. Its coordinator asks before the run, so that nobody
/// waits an hour for a refusal; the agent itself with every level, as it trusts no coordinator.
struct AgentCaps {
  std::uint32_t max_streams = 0;  ///< Of its share of a level; 0: as many as asked for.
  double max_rate = 0;            ///< Likewise: arrivals a second of an open loop.

  /// Whether its share of the level is within them. @param lanes each slot may hold so many streams.
  /// @return in an error how much it would get, what it takes and the way out: "9 streams and it may …".
  Result<void> check(const LoadLevel& share, std::uint32_t lanes = 1) const;
};

/// How many streams one slot may hold: sessions may have several turns on the way at once.
std::uint32_t lanes_of(const Workload& workload,
                       const std::map<std::string, std::shared_ptr<const Dataset>>& datasets);

}  // namespace kneepoint
