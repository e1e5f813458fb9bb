#include "coordinator/verdict/stalls.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/validity.h"
#include "coordinator/verdict/revisits.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kLow = 0.55;  ///< Of what a second usually brings.
constexpr double kEven =
    0.85;  ///< What the lowest fifth of the seconds brings at least, of a row that can tell.
constexpr double kFewest = 12;  ///< Tokens a second, below which chance alone makes gaps.
constexpr std::size_t kStalls = 3;

double at_share(std::vector<double> values, double share) {
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// Of each second that begins on a half.
std::vector<double> seconds_of(const Step& step) {
  std::vector<double> sums;
  for (std::size_t i = 1; i < step.half_seconds.size(); ++i)
    sums.push_back(step.half_seconds[i - 1] + step.half_seconds[i]);
  return sums;
}

}  // namespace

std::optional<RowStalls> stalls_in(const Step& step) {
  const std::vector<double> sums = seconds_of(step);
  if (sums.size() < 10 || step.tpot_seconds.p50.value_or(0) > kSlowestTick || !tells_throughput(step) ||
      surely_failing(step.requests))
    return std::nullopt;
  const double usual = at_share(sums, 0.5);
  if (usual < kFewest || at_share(sums, 0.2) < kEven * usual) return std::nullopt;
  RowStalls found;
  bool low = false;
  std::vector<bool> stopped(step.half_seconds.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const bool here = sums[i] < kLow * usual;
    if (here && !low) {
      if (found.count++ == 0) found.first_seconds = step.window_begin_seconds + static_cast<double>(i) / 2;
    }
    if (sums[i] < kEven * usual) {
      found.missing_seconds += (usual - sums[i]) / usual / 2;
      stopped[i] = stopped[i + 1] = true;
    }
    low = here || (low && sums[i] < kEven * usual);
  }
  for (std::size_t i = 0; i < stopped.size(); ++i) {
    if (!stopped[i]) found.running.push_back(step.half_seconds[i]);
  }
  return found;
}

std::optional<Stalls> find_stalls(const std::vector<Step>& steps) {
  Stalls found;
  double looked = 0, missing = 0;
  for (const Step& step : steps) {
    const auto row = stalls_in(step);
    if (!row) continue;
    looked += step.duration_seconds;
    if (found.count == 0 && row->count > 0) found.first_seconds = row->first_seconds;
    found.count += row->count;
    missing += row->missing_seconds;
  }
  if (found.count < kStalls) return std::nullopt;
  found.apart_seconds = looked / static_cast<double>(found.count);
  found.lost = missing / looked;
  return found;
}

}  // namespace kneepoint::coordinator
