#include "common/slot_set.h"

#include <algorithm>

namespace kneepoint {

bool SlotSet::has(std::uint32_t slot) const {
  return std::binary_search(shares_.begin(), shares_.end(), slot % of_);
}

std::uint32_t SlotSet::below(std::uint32_t end) const {
  const auto rest = std::lower_bound(shares_.begin(), shares_.end(), end % of_) - shares_.begin();
  return end / of_ * static_cast<std::uint32_t>(shares_.size()) + static_cast<std::uint32_t>(rest);
}

std::uint32_t SlotSet::at(std::uint32_t place) const {
  const auto each = static_cast<std::uint32_t>(shares_.size());
  return place / each * of_ + shares_[place % each];
}

SlotSet slots_of(const LoadLevel& level, std::uint32_t thread, std::uint32_t threads) {
  if (level.shares == 0) return SlotSet(threads, {thread});
  return thread < level.held.size() ? SlotSet(level.shares, level.held[thread]) : SlotSet();
}

SlotSet slots_of(const LoadLevel& level) {
  if (level.shares == 0) return SlotSet(1, {0});
  std::vector<std::uint32_t> all;
  for (const auto& each : level.held) all.insert(all.end(), each.begin(), each.end());
  std::sort(all.begin(), all.end());
  return SlotSet(level.shares, std::move(all));
}

std::uint32_t wanted(const LoadLevel& level, const SlotSet& slots) {
  const std::uint64_t budget = level.budget.value_or(level.concurrency);
  return slots.below(static_cast<std::uint32_t>(std::min<std::uint64_t>(level.concurrency, budget)));
}

}  // namespace kneepoint
