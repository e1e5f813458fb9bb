#include "tests/faults/share_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::faults {

std::optional<std::string> ShareWatch::note(const std::string& agent, std::uint64_t process,
                                            const v1::CoordinatorMessage& message) {
  if (!message.has_level()) return std::nullopt;
  const auto read = from_wire(message.level());
  if (!read) return "(g) " + read.error().message;
  const LoadLevel& part = *read;
  for (const auto& held : part.held) {
    for (const std::uint32_t share : held) {
      const auto [owner, is_new] = owners_[part.epoch].try_emplace(share, agent);
      if (!is_new && owner->second != agent)
        return fmt::format("(g) share {} of level {} is of {} and of {}", share, part.epoch, owner->second,
                           agent);
    }
  }
  const auto [last, is_first] = last_.try_emplace(process, part);
  if (is_first || part.epoch <= last->second.epoch) return std::nullopt;  // sent again
  const LoadLevel before = std::exchange(last->second, part);
  if (fleets_[before.epoch] != fleets_[part.epoch]) return std::nullopt;
  for (std::size_t thread = 0; thread < before.held.size(); ++thread) {
    const auto &had = before.held[thread], &has = part.held.at(thread);
    if (!std::includes(has.begin(), has.end(), had.begin(), had.end()))
      return fmt::format("(g) level {} takes shares from {}, and nobody has joined since {}", part.epoch,
                         agent, before.epoch);
  }
  return std::nullopt;
}

}  // namespace kneepoint::faults
