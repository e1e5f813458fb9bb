#include "coordinator/cli/wait_for_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "common/secrets.h"
#include "coordinator/results/units.h"
#include "coordinator/telemetry/readiness.h"

namespace kneepoint::coordinator {
namespace {

using Replicas = Result<std::vector<ReplicaReadiness>>;

/// Absent where a replica had loaded before.
std::optional<double> load_time(const std::vector<ReplicaReadiness>& replicas) {
  double longest = 0;
  for (const ReplicaReadiness& replica : replicas) {
    if (replica.at_once) return std::nullopt;
    longest = std::max(longest, replica.seconds);
  }
  return longest;
}

ReadinessOptions readiness_options(const Target& target, const Clock& clock) {
  ReadinessOptions options;
  options.deadline = target.wait_ready->timeout;
  if (const auto token = resolve_secret(target.auth); token && !token->empty()) {
    options.headers[target.auth_header] = auth_value(target, *token);
  }
  if (target.wait_ready->started) {
    options.started = clock.now() - (clock.real_now() - *target.wait_ready->started);
  }
  return options;
}

}  // namespace

Result<std::map<std::uint32_t, double>> wait_for_targets(const Plan& plan, const Clock& clock,
                                                         const WaitForTargetsOptions& options) {
  using namespace std::chrono_literals;
  std::mutex mutex;
  std::vector<std::string> lines;
  const auto say = [&] {
    std::vector<std::string> now;
    {
      const std::lock_guard lock(mutex);
      now.swap(lines);
    }
    for (const std::string& line : now) options.print(line);
  };

  std::stop_source stop;
  std::map<std::uint32_t, std::future<Replicas>> waiting;
  for (std::uint32_t i = 0; i < plan.targets.size(); ++i) {
    const Target& target = plan.targets[i];
    if (!target.wait_ready) continue;
    const auto& started = target.wait_ready->started;
    if (started && *started > clock.real_now()) {
      return Error{fmt::format("target '{}': wait_ready.started lies in the future", target.name)};
    }
    waiting[i] = std::async(std::launch::async, [&, i] {
      ReadinessOptions how = readiness_options(plan.targets[i], clock);
      how.run_id = options.run_id;
      how.stop = stop.get_token();
      how.on_wait = [&](const std::string& line) {
        const std::lock_guard lock(mutex);
        lines.push_back(line);
      };
      return wait_ready(plan.targets[i], how);
    });
  }

  std::map<std::uint32_t, double> loads;
  std::optional<Error> failed;
  for (auto& [i, future] : waiting) {
    while (future.wait_for(100ms) != std::future_status::ready) {
      say();
      if (stop.stop_requested()) continue;
      if (const auto checked = options.check(); !checked) {
        failed = checked.error();
        stop.request_stop();
      }
    }
    say();
    const Replicas replicas = future.get();
    const std::string& name = plan.targets[i].name;
    if (!replicas) {
      if (!failed) failed = Error{fmt::format("target '{}': {}", name, replicas.error().message)};
    } else if (const auto seconds = load_time(*replicas)) {
      loads[i] = *seconds;
      options.print(fmt::format("{} is ready after {}", name, format_time(*seconds)));
    } else {
      options.print(fmt::format("{} was ready at once: no load time to report", name));
    }
  }
  if (failed) return *failed;
  return loads;
}

}  // namespace kneepoint::coordinator
