#include "coordinator/controllers/doubts.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/knee.h"
#include "coordinator/verdict/lasting_change.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kSurely = 3;      ///< Standard errors.
constexpr double kMatters = 0.03;  ///< Relative.
constexpr double kReach = 2.2;     ///< Of the knee.

class Doubts {
 public:
  Doubts(const std::vector<Step>& rows, const ThroughputCurve& curve)
      : rows_(rows), curve_(curve), least_(least_full_load(rows)), quota_(has_quota(rows)) {
    if (const auto knee = locate_knee(curve)) reach_ = kReach * *knee;
  }

  std::optional<double> find() {
    const auto& points = curve_.points();
    for (std::size_t i = 0; i < points.size(); ++i) {
      off_the_fit(i);
      if (i > 0 && i + 1 < points.size()) steeper_past(i);
      refused_less(i);
      fallen_before(i);
      moved_within(i);
    }
    return oldest_ == nullptr ? std::nullopt : std::optional(oldest_->load());
  }

 private:
  /// Rows of these loads contradict each other: the oldest that was measured once.
  void contradict(std::initializer_list<std::size_t> points) {
    for (const std::size_t i : points) {
      if (curve_.points()[i].concurrency < least_) continue;
      const Step* row = once(curve_.points()[i].concurrency);
      if (row != nullptr && (oldest_ == nullptr || row < oldest_)) oldest_ = row;
    }
  }

  const Step* once(double load) const {
    const Step* found = nullptr;
    for (const Step& row : rows_) {
      if (row.load() != load || row.has_flag(kSuperseded)) continue;
      if (found != nullptr) return nullptr;
      found = &row;
    }
    return found;
  }

  void off_the_fit(std::size_t i) {
    const auto& point = curve_.points()[i];
    if (point.concurrency > reach_) return;
    const double off = std::abs(point.throughput - curve_.fitted(i));
    if (curve_.collapsed(i) || off < kSurely * point.standard_error || off < kMatters * curve_.fitted(i))
      return;
    contradict({i});
  }

  void steeper_past(std::size_t i) {
    const auto &low = curve_.points()[i - 1], &here = curve_.points()[i], &high = curve_.points()[i + 1];
    if (high.throughput <= here.throughput) return;  // a curve that falls may bend either way
    const double share = (here.concurrency - low.concurrency) / (high.concurrency - low.concurrency);
    const double straight = low.throughput + share * (high.throughput - low.throughput);
    const double error =
        std::hypot(here.standard_error, (1 - share) * low.standard_error, share * high.standard_error);
    const double deficit = straight - here.throughput;
    if (deficit > kSurely * error && deficit > kMatters * straight) contradict({i - 1, i, i + 1});
  }

  /// Requests are refused, and less load gave more before: it may be refused now as well.
  void refused_less(std::size_t i) {
    const auto& points = curve_.points();
    if (!points[i].refused) return;
    for (std::size_t j = i; j-- > 0;) {
      if (points[j].refused || points[j].throughput * (1 - kMatters) < points[i].throughput) continue;
      contradict({j});
      return;
    }
  }

  void moved_within(std::size_t i) {
    const Step* row = once(curve_.points()[i].concurrency);
    if (row != nullptr && row->has_flag("DRIFTING") && !row->speed && !(quota_ && !row->valid))
      contradict({i});
  }

  /// Less load gave more later: it is the moment that made it less, and not the load.
  void fallen_before(std::size_t i) {
    if (!curve_.collapsed(i)) return;
    const auto& points = curve_.points();
    const auto peak = std::max_element(points.begin(), points.end(), [](const auto& a, const auto& b) {
      return a.throughput < b.throughput;
    });
    if (points[i].throughput > (1 - kMatters) * peak->throughput) return;
    const Step* fallen = once(points[i].concurrency);
    const Step* highest = once(peak->concurrency);
    if (fallen != nullptr && (highest == nullptr || fallen < highest)) contradict({i});
  }

  const std::vector<Step>& rows_;
  const ThroughputCurve& curve_;
  double least_ = 0;    ///< To measure less load again would let the host rest.
  bool quota_ = false;  ///< Rows that were refused hold the target's turns.
  double reach_ = std::numeric_limits<double>::infinity();  ///< What lies past it decides nothing.
  const Step* oldest_ = nullptr;
};

}  // namespace

std::optional<double> doubtful_load(const std::vector<Step>& rows) {
  std::vector<ThroughputPoint> found = throughput_points(rows);
  if (found.empty()) return std::nullopt;
  const ThroughputCurve curve(std::move(found));
  return Doubts(rows, curve).find();
}

}  // namespace kneepoint::coordinator
