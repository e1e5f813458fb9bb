#include "coordinator/controllers/controller.h"

namespace kneepoint::coordinator {

Nanos mean_pause(const Cell& cell) {
  const Workload& workload = cell.workload;
  const Distribution& pause = workload.conversation ? workload.conversation->think_time : workload.think_time;
  return from_seconds(pause.expected());
}

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::kPending:
      return "starting";
    case Phase::kWarmUp:
      return "warm-up";
    case Phase::kHold:
      return "hold";
    case Phase::kRequests:
      return "requests";
    case Phase::kDeciding:
      return "deciding";
    case Phase::kRerun:
      return "starting again";
    case Phase::kDrain:
      return "draining";
    case Phase::kDone:
      return "done";
  }
  return "";
}

}  // namespace kneepoint::coordinator
