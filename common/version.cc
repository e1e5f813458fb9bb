#include "common/version.h"

#include <fmt/format.h>

namespace kneepoint {

std::string_view version() {
  return KNEEPOINT_VERSION;
}

std::string user_agent(std::string_view run_id) {
  return fmt::format("kneepoint/{}{}{}", version(), run_id.empty() ? "" : " run/", run_id);
}

}  // namespace kneepoint
