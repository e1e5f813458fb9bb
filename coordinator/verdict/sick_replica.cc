#include "coordinator/verdict/sick_replica.h"

#include <algorithm>
#include <vector>

#include "coordinator/measure/validity.h"
#include "coordinator/verdict/stands_out.h"
#include "coordinator/words/remarks.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::uint64_t kFewestRequests = 5;

double failed_ratio(const RequestCounts& requests) {
  const double ended = static_cast<double>(requests.completed + requests.failed);
  return ended > 0 ? static_cast<double>(requests.failed) / ended : 0;
}

std::optional<std::string> complaint(const Step& step, const Share& share) {
  const bool fails = surely_failing(share.requests);
  const bool others_fail = std::any_of(step.replicas.begin(), step.replicas.end(), [&](const Share& other) {
    return &other != &share && surely_failing(other.requests);
  });
  if (fails && !others_fail) {
    return words::replica_fails(share, failed_ratio(share.requests), step);
  }
  if (share.requests.completed < kFewestRequests) return std::nullopt;
  struct Latency {
    const char* name;
    std::optional<double> (*of)(const Share&);
  };
  static constexpr Latency kLatencies[] = {
      {"TPOT", [](const Share& s) { return s.tpot_seconds.p50; }},
      {"TTFT", [](const Share& s) { return s.ttft_seconds.p50; }},
  };
  for (const Latency& latency : kLatencies) {
    std::vector<std::optional<double>> all;
    for (const Share& replica : step.replicas) all.push_back(latency.of(replica));
    const auto slow = stands_out(all, static_cast<std::size_t>(&share - step.replicas.data()));
    if (slow) {
      return words::replica_is_slower(share, latency.name, slow->own, slow->others, step);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> sick_replica(const ScenarioResult& result) {
  // One step may be chance: the same replica must be the worse one in two, where there are two.
  std::optional<std::string> found;
  std::string name;
  std::size_t measured = 0;
  for (auto step = result.steps.rbegin(); step != result.steps.rend(); ++step) {
    if (step->replicas.size() < 2) continue;
    ++measured;
    for (const Share& share : step->replicas) {
      auto sentence = complaint(*step, share);
      if (!sentence) continue;
      if (found && name == share.name) return found;
      if (!found) {
        found = std::move(sentence);
        name = share.name;
      }
      break;
    }
  }
  return measured == 1 ? found : std::nullopt;
}

}  // namespace kneepoint::coordinator
