#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::agent {

/// What a coordinator may ask of this agent, besides its targets (TargetPolicy). It guards an agent that
/// outlives one coordinator or is reached by others than its owner.
struct Permissions {
  /// `--allow-secret`: environment variables by name, files by path, folders by a path that ends in '/'. An
  /// assignment may name these, for bearer tokens and for TLS, and nothing else.
  std::vector<std::string> secrets;
  std::uint32_t max_streams = 0;  ///< Of this agent's share of a level; 0: as many as asked for.
  double max_rate = 0;            ///< Likewise: arrivals a second of an open loop.

  /// Whether the target's secret and TLS files may be read here.
  Result<void> check(const Target& target) const;
  /// Whether this agent's share of the level is within the caps. @param lanes each slot may hold so many
  /// streams.
  Result<void> check(const LoadLevel& level, std::uint32_t lanes = 1) const;
};

}  // namespace kneepoint::agent
