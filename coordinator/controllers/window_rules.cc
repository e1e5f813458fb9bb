#include "coordinator/controllers/window_rules.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "common/whole_seconds.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/measure/steady_state.h"
#include "coordinator/results/throughput.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr double kThroughputPrecision = 0.025;  ///< Half-width of the 95 % interval over the value.
constexpr double kTtftPrecision = 0.10;
/// What MSER-5 would cut differs from the rest by no more than this.
constexpr double kSettledWithin = 0.01;
/// What ends is held against what comes over the time that a request takes, and this at least.
constexpr Nanos kShortestLook = 5s;
constexpr double kSurely = 2;  ///< Standard deviations of the difference of two counts.

double half_width(const std::optional<Interval>& ci95, double value) {
  return ci95 && value > 0 ? (ci95->high - ci95->low) / 2 / value : 1;
}

}  // namespace

bool throughput_is_precise(const Step& step) {
  const Estimate& x = throughput_of(step);
  return x.value && half_width(x.ci95, *x.value) <= kThroughputPrecision;
}

bool precise(const Step& step) {
  const LatencySummary& ttft = step.ttft_seconds;
  const auto undecided = [](const SloCheck& check) { return check.state == "INDETERMINATE"; };
  return !step.has_flag("SHORT_WINDOW") && throughput_is_precise(step) && ttft.p95 &&
         half_width(ttft.p95_ci95, *ttft.p95) <= kTtftPrecision &&
         std::none_of(step.slo.begin(), step.slo.end(), undecided) &&
         !(step.slo_joint && undecided(*step.slo_joint));
}

Settling settling_in(const Timeline& timeline, std::uint32_t cell, std::int64_t from, std::int64_t end) {
  const auto bins = tokens_by_half_second(timeline, cell, from, end);
  const std::size_t cut = mser5(bins);
  if (cut == 0) return {};
  // Noise alone moves the cut; settling moves the mean.
  const auto rest = std::span(bins).subspan(cut);
  const double before = moments(std::span(bins).first(cut)).mean;
  const double after = moments(rest).mean;
  if (std::abs(before - after) <= kSettledWithin * after) return {};
  return {cut, 2 * cut > bins.size()};
}

bool drains(const Timeline& timeline, std::uint32_t cell, Nanos residence, std::int64_t since) {
  const Nanos look = ceil_second(std::max(residence, kShortestLook));
  const std::int64_t end = timeline.complete_through() + 1;
  const std::int64_t begin = end - second_of(look);
  if (begin < since) return true;  // not seen yet
  double came = 0, ended = 0, backlog = 0;
  const auto& seconds = timeline.seconds();
  for (auto at = seconds.lower_bound(begin); at != seconds.end() && at->first < end; ++at) {
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell) continue;
      came += static_cast<double>(stats.arrivals);
      ended += static_cast<double>(stats.ended());
      if (at->first + 1 == end) backlog += stats.backlog;
    }
  }
  return ended - came > (backlog > 0 ? 0 : kSurely * std::sqrt(ended + came));
}

}  // namespace kneepoint::coordinator
