#include "coordinator/fleet/barrier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kneepoint::coordinator {

Result<bool> Barrier::open(const std::vector<std::string>& present, MonoTime now) const {
  if (present.size() >= expected) return true;
  if (now < deadline) return false;
  if (present.size() >= least) return true;
  if (expected == 1) return Error{"fleet not assembled: the agent did not come"};
  if (present.empty()) return Error{fmt::format("fleet not assembled: none of {} agents came", expected)};
  return Error{fmt::format("fleet not assembled: {} of {} agents came: {}", present.size(), expected,
                           fmt::join(present, ", "))};
}

}  // namespace kneepoint::coordinator
