#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/plan.h"

namespace kneepoint::v1 {
class CoordinatorMessage;
}  // namespace kneepoint::v1

namespace kneepoint::faults {

/// Holds what the agents of one coordinator are dealt against what must be so of it: no share is two agents',
/// and an agent keeps its shares for as long as nobody joins.
class ShareWatch {
 public:
  /// A level is dealt among those that have joined by now.
  void asked(const LoadLevel& level) { fleets_[level.epoch] = {joined_, level.agents}; }
  void joined() { ++joined_; }
  /// A message, a part of a level perhaps, has come to an agent's process. @returns what is wrong.
  std::optional<std::string> note(const std::string& agent, std::uint64_t process,
                                  const v1::CoordinatorMessage& message);

 private:
  using Fleet = std::pair<std::size_t, std::uint32_t>;  // how many ever joined, and how many are asked for
  std::size_t joined_ = 0;
  std::map<std::uint64_t, Fleet> fleets_;                                 // by epoch
  std::map<std::uint64_t, std::map<std::uint32_t, std::string>> owners_;  // by epoch and share
  std::map<std::uint64_t, LoadLevel> last_;                               // by process
};

}  // namespace kneepoint::faults
