#include "tests/simhost/fault.h"

#include <algorithm>
#include <array>

namespace kneepoint::simhost {

namespace {
constexpr std::array<std::string_view, kFaultCount> kNames = {
    "http429",    "http503",  "reset",           "truncate",  "stall",       "byte_by_byte",
    "giant_line", "bad_json", "error_in_stream", "never_end", "slow_accept", "close_before_response",
    "no_usage",   "no_done"};
}

std::string_view to_string(Fault fault) {
  return kNames[static_cast<std::size_t>(fault)];
}

std::optional<Fault> parse_fault(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Fault>(found - kNames.begin());
}

std::optional<Fault> draw_request_fault(const std::vector<FaultRate>& rates, SplitMix64& random) {
  if (rates.empty()) return std::nullopt;
  double draw = random.uniform();
  for (const FaultRate& rate : rates) {
    if (rate.fault == Fault::kSlowAccept) continue;
    if (draw < rate.rate) return rate.fault;
    draw -= rate.rate;
  }
  return std::nullopt;
}

bool draw_slow_accept(const std::vector<FaultRate>& rates, SplitMix64& random) {
  return std::any_of(rates.begin(), rates.end(), [&](const FaultRate& rate) {
    return rate.fault == Fault::kSlowAccept && random.uniform() < rate.rate;
  });
}

}  // namespace kneepoint::simhost
