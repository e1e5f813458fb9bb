#include "common/fleet_link.h"

#include <absl/synchronization/mutex.h>
#include <fmt/format.h>
#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include "common/printable.h"

namespace kneepoint::fleet_link {

Result<void> check_name(const std::string& name) {
  if (name.empty()) return Error{"an agent's name is empty; give it one"};
  if (name.size() > kMaxName)
    return Error{fmt::format("an agent's name has {} bytes; at most {} are allowed", name.size(), kMaxName)};
  if (printable(name) != name) return Error{"an agent's name must be printable UTF-8, on one line"};
  return {};
}

void prepare_grpc() {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function([](gpr_log_func_args* args) { spdlog::debug("grpc: {}", args->message); });
}

}  // namespace kneepoint::fleet_link
