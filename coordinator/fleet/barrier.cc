#include "coordinator/fleet/barrier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kneepoint::coordinator {

Barrier::State Barrier::at(std::size_t present, MonoTime now) const {
  if (present >= expected) return State::kOpen;
  if (now < deadline) return State::kClosed;
  return present >= least ? State::kOpen : State::kMissed;
}

Error Barrier::missed(const std::vector<std::string>& present) const {
  if (expected == 1) return Error{"fleet not assembled: the agent did not come"};
  if (present.empty()) return Error{fmt::format("fleet not assembled: none of {} agents came", expected)};
  return Error{fmt::format("fleet not assembled: {} of {} agents came: {}", present.size(), expected,
                           fmt::join(present, ", "))};
}

}  // namespace kneepoint::coordinator
