#include "coordinator/verdict/revisits.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSure = 3;               ///< Standard errors.
constexpr double kSmallestError = 0.003;  ///< No window of a real host is known better.

}  // namespace

bool Revisit::moved() const {
  return std::abs(change) > std::max(kStill, kSure * error);
}

bool tells_throughput(const Step& step) {
  const auto& x = throughput_of(step).value;
  if (!x || *x <= 0) return false;
  const auto failed = failed_gates(step);
  return std::all_of(failed.begin(), failed.end(),
                     [](const std::string& gate) { return gate == "UNSTEADY"; });
}

bool tells_by_the_second(const Step& step) {
  return step.load_kind() == LoadKind::kRequests && tells_throughput(step) &&
         !surely_failing(step.requests) && step.tpot_seconds.p50.value_or(0) <= kSlowestTick;
}

double relative_error(const Step& step) {
  const Estimate& x = throughput_of(step);
  if (!x.ci95) return 0.05;
  return std::max((x.ci95->high - x.ci95->low) / 2 / kTwoSided95 / *x.value, kSmallestError);
}

std::vector<Revisit> revisits_of(const std::vector<Step>& steps) {
  std::vector<Revisit> revisits;
  std::map<double, std::size_t> last;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    if (!tells_throughput(step) || surely_failing(step.requests)) continue;
    const auto [at, first] = last.try_emplace(step.load(), i);
    if (first) continue;
    const Step& before = steps[at->second];
    revisits.push_back({.before = at->second,
                        .after = i,
                        .change = std::log(*throughput_of(step).value / *throughput_of(before).value),
                        .error = std::hypot(relative_error(step), relative_error(before))});
    at->second = i;
  }
  return revisits;
}

}  // namespace kneepoint::coordinator
