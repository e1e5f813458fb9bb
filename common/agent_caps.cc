#include "common/agent_caps.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/dataset.h"
#include "common/slot_set.h"

namespace kneepoint {

Result<void> AgentCaps::check(const LoadLevel& share, std::uint32_t lanes) const {
  const std::uint64_t slots = slots_of(share).below(share.concurrency);
  if (slots == 0) return {};
  if (max_streams != 0 && slots * lanes > max_streams) {
    const std::string at_once =
        lanes > 1 ? fmt::format(" ({} sessions of up to {} turns at once)", slots, lanes) : "";
    return Error{
        fmt::format("{} streams{} and it may hold {}: use more agents, load less, or start it with a higher "
                    "--max-streams",
                    slots * lanes, at_once, max_streams)};
  }
  if (!share.arrivals || max_rate == 0) return {};
  const double rate =
      std::max(share.arrivals->rate, share.arrivals->over > Nanos(0) ? share.arrivals->end_rate : 0) *
      static_cast<double>(slots) / share.concurrency;
  if (rate <= max_rate) return {};
  return Error{
      fmt::format("{:g} requests a second and it may send {:g}: use more agents, load less, or start it with "
                  "a higher --max-rate",
                  rate, max_rate)};
}

std::uint32_t lanes_of(const Workload& workload,
                       const std::map<std::string, std::shared_ptr<const Dataset>>& datasets) {
  if (!workload.dataset || !workload.conversation) return 1;
  const auto found = datasets.find(workload.dataset->hash);
  return found == datasets.end() || !found->second ? 1 : most_lanes(*found->second);
}

}  // namespace kneepoint
