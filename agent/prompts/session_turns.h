#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/dataset.h"

namespace kneepoint::agent {

/// Which turns of a session may begin, where they run beside each other (DatasetEntry::lanes) and wait for
/// each other (TraceTurn::after). For one thread.
class SessionTurns {
 public:
  /// A session begins: of `entry`, which stays as it is meanwhile, the first `turns`. The first turn is under
  /// way; others may begin with it.
  void begin(const DatasetEntry& entry, std::uint32_t turns);
  /// A turn has ended: others may begin.
  void ended(std::uint32_t turn);
  /// The next of those that may begin, if there is one.
  std::optional<std::uint32_t> next();
  /// The next one for a lane beside those that are open, if there may be one more.
  std::optional<std::uint32_t> next_beside(std::uint32_t open_lanes);
  /// Nothing more begins.
  void abandon();

 private:
  const DatasetEntry* entry_ = nullptr;
  std::vector<std::uint32_t> waits_for_;  // by turn, so many others that have not ended
  std::vector<std::uint32_t> ready_;      // the one that has been so for longest in front
};

}  // namespace kneepoint::agent
