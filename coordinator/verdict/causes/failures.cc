#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "coordinator/measure/validity.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/causes/scene.h"

namespace kneepoint::coordinator {
namespace {

std::uint64_t count_of(const RequestCounts& requests, std::initializer_list<Outcome> outcomes) {
  std::uint64_t sum = 0;
  for (const Outcome outcome : outcomes) sum += requests.by_outcome[static_cast<std::size_t>(outcome)];
  return sum;
}

/// A valid row of a higher load whose requests did not fail: whatever failed below was no limit.
const Step* served_more(const Scene& scene, const Step& failing) {
  for (const ObservedStep& o : scene.steps.all) {
    if (o.step->valid && o.step->load() > failing.load() && !surely_failing(o.step->requests)) return o.step;
  }
  return nullptr;
}

std::uint64_t unreached(const RequestCounts& requests) {
  return count_of(requests, {Outcome::kDns, Outcome::kConnect, Outcome::kTls});
}

/// A host that is gone is no finding; a replica that cannot be reached while the others answer is one.
std::optional<Cause> unreachable_replica(const Scene& scene) {
  for (const Step& step : scene.input.steps) {
    const auto answers = [](const Share& share) { return share.requests.completed > 0; };
    const auto gone = [](const Share& share) {
      return share.requests.completed == 0 && share.requests.failed > 0 &&
             2 * unreached(share.requests) > share.requests.failed;
    };
    const auto& replicas = step.replicas;
    const auto silent = std::find_if(replicas.begin(), replicas.end(), gone);
    if (silent == replicas.end() || std::none_of(replicas.begin(), replicas.end(), answers)) continue;
    return Cause{
        "network",
        fmt::format("Requests do not reach the target: at {}, {} of {} failed, {} of them while "
                    "connecting, and {} never answered.",
                    Scene::load_of(step), step.requests.failed,
                    step.requests.failed + step.requests.completed, unreached(step.requests), silent->name)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cause> failure_cause(Scene& scene) {
  if (auto found = unreachable_replica(scene)) return found;
  for (const ObservedStep& o : scene.steps.all) {
    const RequestCounts& requests = o.step->requests;
    if (!surely_failing(requests)) continue;
    if (const Step* fine = served_more(scene, *o.step)) {
      scene.asides.push_back(fmt::format("Requests failed at {} and not at {}: no limit of the host.",
                                         Scene::load_of(*o.step), Scene::load_of(*fine)));
      continue;
    }
    const std::uint64_t failed = requests.failed;
    const auto rejected = count_of(requests, {Outcome::kRejected});
    const auto never_there = unreached(requests);
    const auto timeouts = count_of(requests, {Outcome::kTimeout});
    const std::string what =
        fmt::format("at {}, {} of {} failed", Scene::load_of(*o.step), failed, failed + requests.completed);
    if (2 * rejected > failed) {
      return Cause{"admission", fmt::format("The target turns requests away: {}, {} of them with HTTP 429 "
                                            "or 503.",
                                            what, rejected)};
    }
    if (2 * never_there > failed) {
      return Cause{"network",
                   fmt::format("Requests do not reach the target: {}, {} of them while connecting.", what,
                               never_there)};
    }
    // Those that time out in the server's queue tell of the queue, and that is told below.
    if (2 * timeouts > failed && Scene::waits(o)) {
      scene.asides.push_back(fmt::format("Requests time out: {}, {} of them by timeout.", what, timeouts));
      continue;
    }
    return Cause{"errors", fmt::format("The target fails: {} ({}).", what, format_errors(requests))};
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
