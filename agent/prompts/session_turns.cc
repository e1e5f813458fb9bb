#include "agent/prompts/session_turns.h"

#include <algorithm>

namespace kneepoint::agent {

void SessionTurns::begin(const DatasetEntry& entry, std::uint32_t turns) {
  entry_ = &entry;
  ready_.clear();
  waits_for_.assign(turns, 0);
  for (std::uint32_t turn = 1; turn < turns; ++turn) {
    waits_for_[turn] = static_cast<std::uint32_t>(entry.later[turn - 1].after.size());
    if (waits_for_[turn] == 0) ready_.push_back(turn);
  }
}

void SessionTurns::ended(std::uint32_t turn) {
  // Those that wait for it stand behind it.
  for (std::size_t other = turn + 1; other < waits_for_.size(); ++other) {
    const auto& after = entry_->later[other - 1].after;
    if (std::binary_search(after.begin(), after.end(), turn) && --waits_for_[other] == 0)
      ready_.push_back(static_cast<std::uint32_t>(other));
  }
}

std::optional<std::uint32_t> SessionTurns::next() {
  if (ready_.empty()) return std::nullopt;
  const std::uint32_t turn = ready_.front();
  ready_.erase(ready_.begin());
  return turn;
}

std::optional<std::uint32_t> SessionTurns::next_beside(std::uint32_t open_lanes) {
  return open_lanes < entry_->lanes ? next() : std::nullopt;
}

void SessionTurns::abandon() {
  waits_for_.clear();
  ready_.clear();
}

}  // namespace kneepoint::agent
