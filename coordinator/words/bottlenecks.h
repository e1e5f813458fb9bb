#pragma once

#include <span>
#include <string_view>

namespace kneepoint::coordinator {

/// What can give out first, and what to do about it.
struct Bottleneck {
  std::string_view name;     ///< As in Attribution: "queue_slots".
  std::string_view way_out;  ///< Behind "→": a clause without a stop.
};

/// All that Attribution names; docs/troubleshooting.md says more of each.
std::span<const Bottleneck> bottlenecks();
/// What to do about `name`; empty where it is not known.
std::string_view way_out(std::string_view name);

}  // namespace kneepoint::coordinator
