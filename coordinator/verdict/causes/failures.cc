
#include <algorithm>
#include <initializer_list>

#include "coordinator/measure/validity.h"
#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

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
    return Cause{"network", words::replica_not_reached(step, unreached(step.requests), silent->name)};
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
      scene.asides.push_back(words::failed_and_not_there(*o.step, *fine));
      continue;
    }
    const std::uint64_t failed = requests.failed;
    const auto rejected = count_of(requests, {Outcome::kRejected});
    const auto never_there = unreached(requests);
    const auto timeouts = count_of(requests, {Outcome::kTimeout});
    if (2 * rejected > failed) return Cause{"admission", words::turned_away(*o.step, rejected)};
    if (2 * never_there > failed) return Cause{"network", words::target_not_reached(*o.step, never_there)};
    // Those that time out in the server's queue tell of the queue, and that is told below.
    if (2 * timeouts > failed && Scene::waits(o)) {
      scene.asides.push_back(words::time_out(*o.step, timeouts));
      continue;
    }
    return Cause{"errors", words::target_fails(*o.step)};
  }
  return std::nullopt;
}

}  // namespace kneepoint::coordinator
