#pragma once

#include <string>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// What an agent must be allowed for this plan, as its `--allow-target` takes it: the host and port of every
/// URL that gets load.
std::vector<std::string> needed_hosts(const Plan& plan);

/// Likewise for `--allow-secret`: the environment variables and files of tokens and TLS.
std::vector<std::string> needed_secrets(const Plan& plan);

}  // namespace kneepoint::coordinator
