#include "coordinator/controllers/confirmation_rounds.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostRounds = 2;  ///< Of one interval.
constexpr std::size_t kMostMoves = 1;
constexpr double kNear = 1.04;  ///< A load that was measured stands for one as near as this.

}  // namespace

std::optional<double> doubtful_load(const std::vector<Step>& rows) {
  constexpr double kSurely = 3;
  constexpr double kMatters = 0.03;
  std::vector<ThroughputPoint> found = throughput_points(rows);
  if (found.empty()) return std::nullopt;
  const ThroughputCurve curve(std::move(found));
  const auto& points = curve.points();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double off = std::abs(points[i].throughput - curve.fitted(i));
    const bool attempted = std::count_if(rows.begin(), rows.end(), [&](const Step& row) {
                             return row.load() == points[i].concurrency;
                           }) > 1;
    if (attempted || curve.collapsed(i) || off < kSurely * points[i].standard_error ||
        off < kMatters * curve.fitted(i))
      continue;
    return points[i].concurrency;
  }
  return std::nullopt;
}

std::optional<ConfirmationRounds::Visit> ConfirmationRounds::next(const std::vector<Step>& rows) {
  if (contradicted_) return std::nullopt;
  if (planned_.empty()) {
    if (!ends_) {
      if (!choose_ends(rows)) return std::nullopt;
    } else {
      const auto seen = confirmations(rows);
      if (!seen.empty() && seen.back().contradicted()) {
        contradicted_ = true;
        return std::nullopt;
      }
      const bool unsure = seen.empty() || !seen.back().complete() || seen.back().disagrees();
      if (!unsure || rounds_ >= kMostRounds) {
        const Saturation found = find_saturation(rows, {.bootstraps = 200});
        const auto middle = found.middle();
        const bool inside = !middle || !ends_->high || (ends_->low <= *middle && *middle <= *ends_->high);
        if (inside || moves_ >= kMostMoves) return std::nullopt;
        ++moves_;
        rounds_ = 0;
        if (!choose_ends(rows)) return std::nullopt;
      }
    }
    plan_round(rows);
  }
  Visit visit = planned_.front();
  planned_.pop_front();
  return visit;
}

bool ConfirmationRounds::choose_ends(const std::vector<Step>& rows) {
  const Saturation found = find_saturation(rows, {.bootstraps = 200});
  if (found.ci95) {
    ends_ = Look{.low = found.ci95->low, .high = found.ci95->high};
  } else if (found.lower_bound) {
    ends_ = Look{.low = *found.lower_bound};
  } else {
    return false;
  }
  ends_->low = measured_near(rows, std::max(ends_->low, bounds_.lowest));
  if (ends_->high) {
    ends_->high = measured_near(rows, std::min(*ends_->high, bounds_.highest));
    if (*ends_->high <= ends_->low)
      ends_->high = std::min(bounds_.highest, ends_->low + (bounds_.whole ? 1 : 0));
  }
  return 1.2 * ends_->low < bounds_.highest;
}

/// A load that was measured already makes a repeat, too.
double ConfirmationRounds::measured_near(const std::vector<Step>& rows, double load) const {
  double best = bounds_.whole ? std::round(load) : load;
  double off = std::log(kNear);
  for (const Step& row : rows) {
    const double away = std::abs(std::log(row.load() / load));
    if (away > off) continue;
    off = away;
    best = row.load();
  }
  return std::clamp(best, bounds_.lowest, bounds_.highest);
}

void ConfirmationRounds::plan_round(const std::vector<Step>& rows) {
  std::set<double> loads{ends_->low, measured_near(rows, std::min(2 * ends_->low, bounds_.highest))};
  if (ends_->high) {
    loads.insert(*ends_->high);
    loads.insert(measured_near(rows, std::min(2 * *ends_->high, bounds_.highest)));
  }
  // Where throughput falls again, the peak decides.
  std::vector<ThroughputPoint> points = throughput_points(rows);
  const ThroughputCurve curve(std::move(points));
  if (ends_->high && curve.collapsed(curve.points().size() - 1)) {
    const auto peak =
        std::max_element(curve.points().begin(), curve.points().end(),
                         [](const auto& a, const auto& b) { return a.throughput < b.throughput; });
    if (peak->concurrency > ends_->low && peak->concurrency < 2 * *ends_->high)
      loads.insert(peak->concurrency);
  }
  const auto first = static_cast<std::uint32_t>(2 * rounds_ + 1);
  Look look = *ends_;
  look.number = first;
  for (const double load : loads) planned_.push_back({load, look});
  look.number = first + 1;
  for (auto load = loads.rbegin(); load != loads.rend(); ++load) planned_.push_back({*load, look});
  ++rounds_;
}

}  // namespace kneepoint::coordinator
