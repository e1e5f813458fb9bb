#include "coordinator/verdict/burst.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"

namespace kneepoint::coordinator {
namespace {

/// More of a load than this was taken once, and is refused now. Refusals by load begin within a few percent.
constexpr double kSurelyMore = 1.08;
/// A rate that lasts lies below what was had before by this much at least.
constexpr double kSurelyLess = 0.95;

std::uint64_t rejected(const Step& step) {
  return step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)];
}

bool refuses(const Step& step) {
  return surely_failing(step.requests) && 2 * rejected(step) > step.requests.failed;
}

/// Of the row's second half of seconds with refusals, or all of it: what it gave once it refused.
struct Sustained {
  double begin = 0;  ///< Second of the window.
  double throughput = 0;
};

/// The first second from which on requests are refused in most seconds to the end; absent where none are.
std::optional<std::size_t> refusals_begin(const Step& step) {
  const auto first = std::find_if(step.refused.begin(), step.refused.end(), [](double n) { return n > 0; });
  if (first == step.refused.end()) return std::nullopt;
  return static_cast<std::size_t>(first - step.refused.begin());
}

/// What the row gave from second `from` on; absent where too little of it is left.
std::optional<double> throughput_from(const Step& step, std::size_t from) {
  constexpr std::size_t kFewest = 8;
  const std::size_t begin = 2 * from;
  if (!throughput_of(step).value || begin + 2 * kFewest > step.half_seconds.size()) return std::nullopt;
  const double all = std::accumulate(step.half_seconds.begin(), step.half_seconds.end(), 0.0);
  if (all <= 0) return std::nullopt;
  const auto at = step.half_seconds.begin() + static_cast<std::ptrdiff_t>(begin);
  const double late = std::accumulate(at, step.half_seconds.end(), 0.0);
  const auto n = static_cast<double>(step.half_seconds.size());
  return *throughput_of(step).value * (late / (n - static_cast<double>(begin))) / (all / n);
}

}  // namespace

std::optional<Burst> find_burst(const std::vector<Step>& steps) {
  std::optional<Burst> found;
  double taken = 0;  // the largest load so far that was not refused anything
  std::vector<double> rates, requests;
  double most = 0;
  for (const Step& step : steps) {
    const auto& x = throughput_of(step).value;
    if (!x || *x <= 0) continue;
    if (!refuses(step)) {
      if (step.requests.failed == 0) {
        taken = std::max(taken, step.load());
        if (!found) most = std::max(most, *x);
      }
      continue;
    }
    constexpr std::size_t kAWhile = 5;
    const std::size_t begin = refusals_begin(step).value_or(0);
    const bool within = begin >= kAWhile && taken > 0;
    const auto late = throughput_from(step, within ? begin + 2 : 0);
    if (!found && (taken > kSurelyMore * step.load() || within)) {
      found = Burst{.at_seconds = step.window_begin_seconds + static_cast<double>(within ? begin : 0),
                    .load = step.load()};
    }
    if (late) {
      rates.push_back(*late);
      if (step.requests_per_second.value) requests.push_back(*step.requests_per_second.value * *late / *x);
    }
  }
  if (!found || rates.empty()) return std::nullopt;
  const Moments sustained = moments(rates);
  found->sustained = sustained.mean;
  found->sustained_error =
      std::max(sustained.stddev / std::sqrt(static_cast<double>(rates.size())), 0.005 * sustained.mean);
  found->requests_per_second = moments(requests).mean;
  found->most = most;
  if (found->sustained > kSurelyLess * most) return std::nullopt;
  return found;
}

}  // namespace kneepoint::coordinator
