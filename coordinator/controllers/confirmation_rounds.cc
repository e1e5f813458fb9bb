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
constexpr double kOneTwice = 1.1;  ///< Ends this near have one load that stands for twice of both.

}  // namespace

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
        const bool inside = seen.empty() || seen.back().holds_between(found);
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
  // Ends may move outwards only: within the interval the ratio is near that of the knee itself.
  ends_->low = measured_near(rows, std::max(ends_->low, bounds_.lowest), -1);
  if (ends_->high) {
    ends_->high = measured_near(rows, std::min(*ends_->high, bounds_.highest), 1);
    if (*ends_->high <= ends_->low)
      ends_->high = std::min(bounds_.highest, ends_->low + (bounds_.whole ? 1 : 0));
  }
  return 1.2 * ends_->low < bounds_.highest;
}

/// A load that was measured already makes a repeat, too. @param outwards -1 for none above, 1 for none below.
double ConfirmationRounds::measured_near(const std::vector<Step>& rows, double load, int outwards) const {
  double best = !bounds_.whole ? load
                : outwards < 0 ? std::floor(load)
                : outwards > 0 ? std::ceil(load)
                               : std::round(load);
  double off = std::log(kNearLoad);
  for (const Step& row : rows) {
    const double away = std::abs(std::log(row.load() / load));
    if (away > off || outwards * row.load() < outwards * load) continue;
    off = away;
    best = row.load();
  }
  return std::clamp(best, bounds_.lowest, bounds_.highest);
}

void ConfirmationRounds::plan_round(const std::vector<Step>& rows) {
  std::set<double> loads{ends_->low};
  const bool one = ends_->high && *ends_->high <= kOneTwice * ends_->low;
  if (!one) loads.insert(measured_near(rows, std::min(2 * ends_->low, bounds_.highest)));
  if (one) {
    // So near to each other that one load is twice both.
    const double twice = std::min({2 * *ends_->high, kTwice * ends_->low, bounds_.highest});
    loads.insert(*ends_->high);
    loads.insert(measured_near(rows, twice, -1));
  } else if (ends_->high) {
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
