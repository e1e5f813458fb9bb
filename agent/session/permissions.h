#pragma once

#include <string>
#include <vector>

#include "common/agent_caps.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::agent {

/// What a coordinator may ask of this agent, besides its targets (TargetPolicy). It guards an agent that
/// outlives one coordinator or is reached by others than its owner.
struct Permissions {
  /// `--allow-secret`: environment variables by name, files by path, folders by a path that ends in '/'. An
  /// assignment may name these, for bearer tokens and for TLS, and nothing else.
  std::vector<std::string> secrets;
  AgentCaps caps;

  /// Whether the target's secret and TLS files may be read here.
  Result<void> check(const Target& target) const;
};

}  // namespace kneepoint::agent
