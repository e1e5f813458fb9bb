#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/result.h"
#include "coordinator/init/host_probe.h"

namespace kneepoint::coordinator {

/// Whether each of `hosts` serves the model that the first one lists first, and speaks its API. An error is
/// one line that says what to do. @param hosts at least one.
Result<void> check_replicas(const std::vector<HostFacts>& hosts);

/// Tokens of prompt and answer that the model takes on every host; absent where no host says.
std::optional<std::uint64_t> smallest_context(const std::vector<HostFacts>& hosts);

}  // namespace kneepoint::coordinator
