#include "coordinator/fleet/split.h"

#include <algorithm>

namespace kneepoint::coordinator {

std::vector<LoadLevel> split(const LoadLevel& level, std::size_t agents) {
  const std::size_t sharing = level.agents == 0 ? agents : std::min<std::size_t>(level.agents, agents);
  std::vector<LoadLevel> shares(agents, level);
  for (std::size_t rank = 0; rank < agents; ++rank) {
    shares[rank].slot_offset = static_cast<std::uint32_t>(rank);
    shares[rank].slot_stride = static_cast<std::uint32_t>(sharing);
    if (rank >= sharing) {  // takes no part
      shares[rank].concurrency = shares[rank].warm_slots = 0;
      shares[rank].slot_offset = 0;
    }
  }
  return shares;
}

std::uint32_t slots_of(const LoadLevel& share) {
  if (share.concurrency <= share.slot_offset) return 0;
  return (share.concurrency - share.slot_offset - 1) / share.slot_stride + 1;
}

bool has_requests(const LoadLevel& share) {
  // Slot s issues the indices ≡ s mod concurrency, so the first slot of the share has the first of them, s
  // itself.
  const std::uint64_t budget = share.budget.value_or(share.concurrency);
  return share.slot_offset < std::min<std::uint64_t>(share.concurrency, budget);
}

}  // namespace kneepoint::coordinator
