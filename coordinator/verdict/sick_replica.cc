#include "coordinator/verdict/sick_replica.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "coordinator/measure/validity.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// So many times as long as the middle one of the others; a replica of the same make does not get there by
/// chance.
constexpr double kSlower = 1.5;
constexpr std::uint64_t kFewestRequests = 5;

double failed_ratio(const RequestCounts& requests) {
  const double ended = static_cast<double>(requests.completed + requests.failed);
  return ended > 0 ? static_cast<double>(requests.failed) / ended : 0;
}

/// The middle value of `figure` over all replicas but one; absent where one of them has none.
std::optional<double> of_others(const std::vector<Share>& replicas, const Share& but,
                                std::optional<double> (*figure)(const Share&)) {
  std::vector<double> values;
  for (const Share& share : replicas) {
    if (&share == &but) continue;
    const auto value = figure(share);
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

std::optional<std::string> complaint(const Step& step, const Share& share) {
  const bool fails = surely_failing(share.requests);
  const bool others_fail = std::any_of(step.replicas.begin(), step.replicas.end(), [&](const Share& other) {
    return &other != &share && surely_failing(other.requests);
  });
  if (fails && !others_fail) {
    return fmt::format("replica {} fails {:.0f} % of its requests at {}, and no other fails more than 1 %",
                       share.name, failed_ratio(share.requests) * 100, row_label(step));
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
    const auto own = latency.of(share);
    const auto others = of_others(step.replicas, share, latency.of);
    if (own && others && *own >= kSlower * *others && *own - *others > 1e-3) {
      return fmt::format("replica {} is slower than the others: {} p50 {} at {}, where the others have {}",
                         share.name, latency.name, format_time(*own), row_label(step), format_time(*others));
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
