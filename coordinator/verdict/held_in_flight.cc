#include "coordinator/verdict/held_in_flight.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "coordinator/results/sessions.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/words/saturation.h"

namespace kneepoint::coordinator {
namespace {

/// Mean requests in flight by number of sessions.
std::map<double, double> in_flight_by_load(const std::vector<Step>& steps) {
  struct Mean {
    double sum = 0, rows = 0;
  };
  std::map<double, Mean> means;
  for (const CurveRow& row : curve_rows(steps)) {
    if (row.step->load_kind() != LoadKind::kUsers) continue;
    Mean& mean = means[row.load()];
    mean.sum += requests_in_flight(*row.step);
    ++mean.rows;
  }
  std::map<double, double> by_load;
  for (const auto& [load, mean] : means) by_load[load] = mean.sum / mean.rows;
  return by_load;
}

double in_flight_at(const std::map<double, double>& by_load, double sessions) {
  const auto above = by_load.lower_bound(sessions);
  if (above == by_load.end()) return by_load.rbegin()->second;
  if (above == by_load.begin()) return above->second * sessions / above->first;
  const auto below = std::prev(above);
  return below->second +
         (above->second - below->second) * (sessions - below->first) / (above->first - below->first);
}

}  // namespace

Estimate held_in_flight(const std::vector<Step>& steps, const Saturation& found) {
  const auto by_load = in_flight_by_load(steps);
  if (by_load.empty()) return {};
  Estimate held;
  if (found.concurrency) held.value = in_flight_at(by_load, *found.concurrency);
  if (found.ci95)
    held.ci95 = Interval{in_flight_at(by_load, found.ci95->low), in_flight_at(by_load, found.ci95->high)};
  return held;
}

std::string held_sentence(const std::vector<Step>& steps, const Saturation& found) {
  const Estimate held = held_in_flight(steps, found);
  if (!held.ci95) return "";
  if (!held.value) return words::sessions_hold_between(*held.ci95);
  // Where a session may have several in flight, the others are not those that think.
  const bool lanes = std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.beside; });
  return words::sessions_hold(held,
                              lanes ? std::nullopt : std::optional(1 - *held.value / *found.concurrency));
}

}  // namespace kneepoint::coordinator
