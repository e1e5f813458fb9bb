#include "coordinator/verdict/confirmation.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/throughput_curve.h"
#include "coordinator/words/again.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kFewestLooks = 2;
constexpr double kApart = 3;         ///< Standard errors between looks before they disagree, and …
constexpr double kTolerated = 0.03;  ///< … this much of the ratio.

/// Two rows of one look.
struct Pair {
  double ratio = 0;  // its logarithm
  double error = 0;  // of the windows
};

std::optional<EndRatio> ratio_at(double load, const std::vector<const CurveRow*>& rows, double scatter) {
  // What counts is the most that up to twice the load gave: past a peak that is less than twice. A load that
  // a look has lost stands back.
  std::map<double, std::pair<double, double>> means;  // sum, number
  for (const CurveRow* row : rows) {
    if (row->load() <= load || row->load() > kTwice * load) continue;
    means[row->load()].first += row->throughput;
    means[row->load()].second += 1;
  }
  double twice = 0, most = 0, looks_most = 0;
  for (const auto& [n, sum] : means) looks_most = std::max(looks_most, sum.second);
  for (const auto& [n, sum] : means) {
    if (sum.second < looks_most) continue;
    if (sum.first / sum.second > most) {
      most = sum.first / sum.second;
      twice = n;
    }
  }
  if (twice == 0) return std::nullopt;
  const double reached = means.rbegin()->first;
  std::map<std::uint32_t, Pair> looks;
  for (const CurveRow* low : rows) {
    if (low->load() != load) continue;
    for (const CurveRow* high : rows) {
      if (high->load() != twice || high->step->look->number != low->step->look->number) continue;
      looks[low->step->look->number] = {std::log(high->throughput / low->throughput),
                                        std::hypot(low->error, high->error)};
    }
  }
  if (looks.empty()) return std::nullopt;
  double sum = 0, variance = 0, lowest = 1e9, highest = -1e9;
  for (const auto& [number, pair] : looks) {
    sum += pair.ratio;
    variance += pair.error * pair.error + 2 * scatter * scatter;
    lowest = std::min(lowest, pair.ratio);
    highest = std::max(highest, pair.ratio);
  }
  const auto n = static_cast<double>(looks.size());
  const double half = kTwoSided95 * std::sqrt(variance) / n;
  double windows = 0;
  for (const auto& [number, pair] : looks) windows += pair.error * pair.error;
  const double mean = sum / n;
  EndRatio found{.load = load, .twice = twice, .looks = looks.size(), .value = std::exp(mean)};
  found.ci95 = {std::exp(mean - half), std::exp(mean + half)};
  found.threshold = std::pow(1 / kSaturatedShare, std::min(1.0, std::log2(reached / load)));
  if (looks.size() > 1 && highest - lowest > kTolerated)
    found.apart = (highest - lowest) / std::sqrt(2 * windows / n);
  return found;
}

std::string ratio_text(const EndRatio& end) {
  return words::ratio_again({.from = end.load,
                             .to = end.twice,
                             .looks = end.looks,
                             .value = end.value,
                             .low = end.ci95.low,
                             .high = end.ci95.high});
}

}  // namespace

bool Confirmation::complete() const {
  const auto seen = [](const std::optional<EndRatio>& end) { return end && end->looks >= kFewestLooks; };
  return seen(low) && (!ends.high || seen(high));
}

bool Confirmation::disagrees() const {
  return (low && low->apart > kApart) || (high && high->apart > kApart);
}

bool Confirmation::holds_between(const Saturation& saturation) const {
  const auto middle = saturation.middle();
  return !middle || !ends.high || (ends.low <= kNearLoad * *middle && *middle <= kNearLoad * *ends.high);
}

std::string Confirmation::text() const {
  std::string said;
  if (low) said = ratio_text(*low);
  if (high) said += (said.empty() ? "" : ", ") + ratio_text(*high);
  return said;
}

std::vector<Confirmation> confirmations(const std::vector<Step>& steps) {
  std::vector<Confirmation> found;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& look = steps[i].look;
    if (!look) continue;
    const bool same =
        !found.empty() && found.back().ends.low == look->low && found.back().ends.high == look->high;
    if (!same) found.push_back({.ends = *look, .first_row = i});
    found.back().last_row = i;
    found.back().ends.number = std::max(found.back().ends.number, look->number);
  }
  if (found.empty()) return found;
  // Rows that were superseded since say what they said then.
  for (Confirmation& each : found) {
    std::vector<Step> rows(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(each.last_row) + 1);
    const std::vector<CurveRow> usable = curve_rows(rows);
    std::vector<CurveRow> group;
    std::vector<const CurveRow*> looked;
    for (const CurveRow& row : usable) {
      if (static_cast<std::size_t>(row.step - rows.data()) >= each.first_row && row.step->look)
        group.push_back(row);
    }
    for (const CurveRow& row : group) looked.push_back(&row);
    // What they scatter by among themselves: that they differ from what came before is the question.
    const double scatter = scatter_of(group).ratio;
    each.low = ratio_at(each.ends.low, looked, scatter);
    if (each.ends.high) each.high = ratio_at(*each.ends.high, looked, scatter);
  }
  return found;
}

std::optional<Finding> judge_confirmation(const std::vector<Step>& steps, const Saturation& saturation) {
  if (!saturation.ci95 && !saturation.lower_bound) return std::nullopt;
  const std::vector<Confirmation> all = confirmations(steps);
  if (all.empty() || (!all.back().low && !all.back().high))
    return Finding{.state = "MEASURED ONCE", .explanation = words::measured_once()};
  const Confirmation& last = all.back();
  const std::string seen = words::seen_again(last.ends.number, last.text());
  if (last.contradicted())
    return Finding{.state = "CONTRADICTED",
                   .explanation = words::contradicted(seen, last.ends.low, last.ends.high)};
  const bool inside = last.holds_between(saturation);
  if (!last.complete() || !inside)
    return Finding{.state = "MEASURED ONCE",
                   .explanation = inside ? words::not_enough(seen) : words::moved_away(seen)};
  return Finding{.state = "HOLDS", .explanation = words::confirmed(seen)};
}

}  // namespace kneepoint::coordinator
