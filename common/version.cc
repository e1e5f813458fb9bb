#include "common/version.h"

namespace kneepoint {

std::string_view version() {
  return KNEEPOINT_VERSION;
}

}  // namespace kneepoint
