#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// The share of each of `agents` agents in a fleet-wide level: agent r runs the slots r, r + A, r + 2A, …
/// Slots keep their agent while the fleet keeps its size, so rising levels leave running ones alone, and
/// because requests belong to slots the union of the shares issues the same requests for any number of
/// agents. Where the level asks for fewer agents, those beyond get an empty share. @param agents at least 1.
std::vector<LoadLevel> split(const LoadLevel& level, std::size_t agents);

/// How many slots `share` runs.
std::uint32_t slots_of(const LoadLevel& share);

/// Whether `share` of a budgeted level has any request to issue: an agent without one has nothing to finish.
bool has_requests(const LoadLevel& share);

}  // namespace kneepoint::coordinator
