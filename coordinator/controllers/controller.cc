#include "coordinator/controllers/controller.h"

namespace kneepoint::coordinator {

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
    case Phase::kDrain:
      return "draining";
    case Phase::kDone:
      return "done";
  }
  return "";
}

}  // namespace kneepoint::coordinator
