#include "agent/load/pacer.h"

#include <algorithm>

namespace kneepoint::agent {

Nanos slot_start(const LoadLevel& level, std::uint32_t slot) {
  if (slot >= level.concurrency) return level.effective_at;
  const std::uint32_t warm = std::min(level.warm_slots, level.concurrency);
  const auto all = static_cast<double>(slot < warm ? warm : level.concurrency - warm);
  const auto place = static_cast<double>(slot < warm ? slot : slot - warm);
  return level.effective_at + from_seconds(to_seconds(level.spread_over) * place / all);
}

Nanos slot_end(const LoadLevel& level, std::uint32_t slot) {
  if (slot < level.concurrency) return Nanos::max();
  if (slot >= level.warm_slots) return Nanos::min();
  const auto surplus = static_cast<double>(level.warm_slots - level.concurrency);
  const auto place = static_cast<double>(level.warm_slots - 1 - slot);
  return level.effective_at + from_seconds(to_seconds(level.spread_over) * place / surplus);
}

Nanos backoff(std::uint32_t failures, std::uint64_t random) {
  constexpr Nanos kFirst = std::chrono::milliseconds(100);
  constexpr Nanos kLongest = std::chrono::seconds(5);
  const std::uint32_t doublings = std::clamp<std::uint32_t>(failures, 1, 20) - 1;
  const Nanos full = std::min(kFirst * (std::int64_t{1} << doublings), kLongest);
  const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // [0, 1)
  return from_seconds(to_seconds(full) * (0.8 + 0.2 * unit));
}

std::uint64_t budget_share(std::uint64_t budget, std::uint32_t slot, std::uint32_t concurrency) {
  return slot >= budget || slot >= concurrency ? 0 : (budget - 1 - slot) / concurrency + 1;
}

}  // namespace kneepoint::agent
