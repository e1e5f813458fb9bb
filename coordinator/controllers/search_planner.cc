#include "coordinator/controllers/search_planner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/controllers/doubts.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/host_speed.h"
#include "coordinator/verdict/knee.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/slo.h"
#include "coordinator/verdict/supersede.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kCollapsed = 0.9;      ///< Of the most so far: scouting further would only hurt the target.
constexpr double kTtftAbort = 60;       ///< Seconds of median TTFT after which more load says nothing new.
constexpr double kFarResolution = 1.3;  ///< Between the steps around twice the knee.
constexpr double kClose = 0.03;         ///< Of a step, relative.
constexpr double kWellBelow = 0.3;      ///< Of the knee: from there to twice that.
constexpr std::size_t kMostRefinements = 14;
constexpr std::size_t kMostMeasurements = 12;
constexpr std::size_t kMostSharpenings = 10;
constexpr std::size_t kMostLimitProbes = 12;
constexpr int kBootstraps = 300;  ///< To decide whether to go on; the report draws more.

/// A whole number strictly between the two, near `wanted` but never close to an end; 0 where there is none.
std::uint32_t between(double low, double high, double wanted) {
  if (high - low < 1.5) return 0;
  const double ratio = high / low;
  const double n = std::round(std::clamp(wanted, low * std::pow(ratio, 0.25), low * std::pow(ratio, 0.75)));
  return static_cast<std::uint32_t>(std::clamp(n, low + 1, high - 1));
}

bool wide(double low, double high) {
  return high > SearchPlanner::kResolution * low && high - low > 1.5;
}

bool mostly_rejected(const Step& step) {
  return 2 * step.requests.by_outcome[static_cast<std::size_t>(Outcome::kRejected)] > step.requests.failed;
}

/// By how much, relative, a peak between points `i` and i + 1 may rise above both: where the lines of token
/// time through the two points before and the two after cross. Without two points on each side: unknown, so
/// large.
double hidden_height(const std::vector<ThroughputPoint>& points, std::size_t i) {
  if (i == 0 || i + 2 >= points.size()) return 1;
  const auto token_time = [&](std::size_t p) { return points[p].concurrency / points[p].throughput; };
  const auto slope = [&](std::size_t p) {
    return (token_time(p + 1) - token_time(p)) / (points[p + 1].concurrency - points[p].concurrency);
  };
  const double rise = slope(i - 1);
  const double fall = slope(i + 1);
  if (fall <= rise) return 0;
  const double from = points[i].concurrency;
  const double crossing =
      (token_time(i + 1) - fall * points[i + 1].concurrency - token_time(i) + rise * from) / (rise - fall);
  if (crossing <= from || crossing >= points[i + 1].concurrency) return 0;
  const double height = crossing / (token_time(i) + rise * (crossing - from));
  return height / std::max(points[i].throughput, points[i + 1].throughput) - 1;
}

const SloCheck* limit_check(const Step& step, std::size_t i) {
  return i < step.slo.size() ? &step.slo[i] : nullptr;
}
const SloCheck* joint_check(const Step& step, std::size_t) {
  return step.slo_joint ? &*step.slo_joint : nullptr;
}

}  // namespace

SearchPlanner::SearchPlanner(const Search& search, std::vector<SloLimit> slo, std::uint32_t first)
    : search_(search),
      slo_(std::move(slo)),
      first_(std::min(std::max(first, 1u), search.max)),
      climb_from_(first_),
      rounds_({.lowest = static_cast<double>(first_), .highest = static_cast<double>(search.max)}) {}

void SearchPlanner::add(const Probe& probe, const Step& step) {
  if (stage_ == Stage::kScout) climb_.push_back(steps_.size());
  if (probe.hold && stage_ == Stage::kHold) held_.add(steps_.size());
  probes_.push_back(probe);
  steps_.push_back(step);
  steps_.back().look = probe.look;
  measured_.push_back(steps_.back());
  allow_for_movement();
  if (!mark_superseded(steps_) || stage_ <= Stage::kHold) return;
  const bool looks_stand = std::none_of(
      steps_.begin(), steps_.end(), [](const Step& row) { return row.look && row.has_flag(kSuperseded); });
  if (!looks_stand || !still_bracketed()) return scout_again();
  stage_ = std::min(stage_, Stage::kRefine);
}

bool SearchPlanner::superseded_climb() const {
  return std::any_of(climb_.begin(), climb_.end(),
                     [&](std::size_t i) { return steps_[i].has_flag(kSuperseded); });
}

bool SearchPlanner::still_bracketed() const {
  constexpr double kBelow = 1.5;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  return knee && kBelow * curve->points().front().concurrency < *knee && curve->top() >= 2 * *knee;
}

std::optional<std::size_t> SearchPlanner::standing(std::uint32_t concurrency) const {
  constexpr double kNear = 0.05;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& row = steps_[i];
    if (row.has_flag(kSuperseded) || !(row.valid || invalid_by_target_only(row))) continue;
    if (std::abs(std::log(static_cast<double>(row.concurrency) / concurrency)) < kNear) found = i;
  }
  return found;
}

void SearchPlanner::allow_for_movement() {
  std::vector<Step> rows = measured_;
  const bool known = mark_speed(rows);
  if (!known && !movement_known_) return;
  const bool anew = known != movement_known_;
  movement_known_ = known;
  for (std::size_t i = 0; i < rows.size() && !anew; ++i) {
    // What was refuted with the movement taken out stays so.
    if (steps_[i].has_flag(kSuperseded)) rows[i].warn(kSuperseded, steps_[i].reasons.back());
  }
  steps_ = std::move(rows);
  if (anew && known && stage_ > Stage::kScout && stage_ < Stage::kConfirm && !climb_.empty()) {
    refinements_ = measurements_ = 0;
    stage_ = Stage::kScout;  // its end may have been the movement's
  }
}

void SearchPlanner::scout_again() {
  constexpr std::size_t kMostRestarts = 2;
  constexpr double kBelow = 4;  // of the knee
  if (restarts_ >= kMostRestarts) return;
  ++restarts_;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  const double from = knee ? *knee : steps_.back().concurrency;
  climb_from_ = std::max(first_, static_cast<std::uint32_t>(from / kBelow));
  climb_.clear();
  refinements_ = measurements_ = sharpenings_ = doubts_ = returns_ = 0;
  held_ = HoldRounds();
  baseline_ = false;
  rounds_ = ConfirmationRounds(
      {.lowest = static_cast<double>(first_), .highest = static_cast<double>(search_.max)});
  stage_ = Stage::kScout;
}

bool SearchPlanner::time_to_confirm(const TimeFrame& time) const {
  using namespace std::chrono_literals;
  constexpr int kVisits = 8;
  constexpr Nanos kVisit = 25s;
  constexpr int kCycles = 6;
  if (!time.left) return false;
  const Nanos needed = kVisits * std::max(kVisit, kCycles * time.cycle.value_or(Nanos(0)));
  return *time.left < std::min(needed, (time.elapsed + *time.left) / 3) + kVisit;
}

std::optional<Probe> SearchPlanner::next(const TimeFrame& time) {
  if (steps_.size() >= kMostSteps || (!steps_.empty() && time_to_confirm(time)))
    stage_ = std::max(stage_, Stage::kConfirm);
  while (stage_ != Stage::kDone) {
    if (stage_ > Stage::kHold && stage_ < Stage::kConfirm) {
      if (auto probe = doubts()) return probe;
    }
    if (auto probe = ask(stage_)) return probe;
    if (stage_ == Stage::kHold && superseded_climb() && !still_bracketed()) {
      const std::size_t before = restarts_;
      scout_again();
      if (restarts_ > before) continue;
    }
    if (stage_ == Stage::kConfirm && rounds_.contradicted() && steps_.size() < kMostSteps &&
        !time_to_confirm(time)) {
      const std::size_t before = restarts_;
      scout_again();
      if (restarts_ > before) continue;
    }
    if (stage_ == Stage::kConfirm && !rounds_.contradicted() && !time_to_confirm(time) && begin_anew())
      continue;
    stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
  }
  return std::nullopt;
}

/// With the rows of its confirmation the answer is another than the one that was closed in on.
bool SearchPlanner::begin_anew() {
  constexpr std::size_t kMostTimes = 2;
  const auto curve = this->curve();
  const auto found = curve ? estimate_knee(*curve, {.bootstraps = kBootstraps}) : std::nullopt;
  if (!found || anew_ >= kMostTimes || found->ci95.high <= Saturation::kWidestPoint * found->ci95.low)
    return false;
  ++anew_;
  refinements_ = measurements_ = sharpenings_ = 0;
  rounds_ = ConfirmationRounds(
      {.lowest = static_cast<double>(first_), .highest = static_cast<double>(search_.max)});
  stage_ = Stage::kRefine;
  return true;
}

std::optional<Probe> SearchPlanner::ask(Stage stage) {
  switch (stage) {
    case Stage::kScout:
      return scout();
    case Stage::kHold:
      return hold();
    case Stage::kRefine:
      return refine();
    case Stage::kMeasure:
      return measure();
    case Stage::kLimits:
      return limits();
    case Stage::kSharpen:
      return sharpen();
    case Stage::kConfirm:
      return confirm();
    case Stage::kReturn:
      return come_back();
    case Stage::kDone:
      break;
  }
  return std::nullopt;
}

std::optional<ThroughputCurve> SearchPlanner::curve() const {
  std::vector<ThroughputPoint> points = throughput_points(steps_);
  if (points.empty()) return std::nullopt;
  return ThroughputCurve(std::move(points));
}

bool SearchPlanner::measured(std::uint32_t concurrency) const {
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].concurrency == concurrency && !probes_[i].scout && !probes_[i].back) return true;
  }
  return false;
}

std::size_t SearchPlanner::attempts(std::uint32_t concurrency) const {
  return static_cast<std::size_t>(std::count_if(
      steps_.begin(), steps_.end(), [&](const Step& step) { return step.concurrency == concurrency; }));
}

bool SearchPlanner::refused(std::uint32_t concurrency) const {
  return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) {
    return step.concurrency == concurrency && invalid_by_target_only(step);
  });
}

std::optional<Probe> SearchPlanner::scout() {
  std::uint32_t next = climb_from_;
  while (true) {
    if (!climb_.empty()) {
      const Step& last = steps_[climb_.back()];
      const bool tells = last.valid || invalid_by_target_only(last);
      // Once may be chance, a stall of the load generator's machine included; twice is not.
      if (!tells && attempts(last.concurrency) < 2) return Probe{.concurrency = last.concurrency};
      // A host that moves never settles: how it moves is told by going on.
      if (!tells && !tells_throughput(last)) return std::nullopt;
      if (scouting_ends()) return std::nullopt;
      next = std::min(2 * last.concurrency, search_.max);
    }
    // After a change some rows still stand.
    const auto known = restarts_ > 0 ? standing(next) : std::nullopt;
    // One just below the most that may be asked for stands for it, too: taken again it would do so for ever.
    const bool higher =
        known && (climb_.empty() || steps_[*known].concurrency > steps_[climb_.back()].concurrency);
    if (!higher) return Probe{.concurrency = next};
    climb_.push_back(*known);
  }
}

std::optional<Probe> SearchPlanner::hold() {
  double wanted = steps_.back().concurrency;
  if (const auto curve = this->curve()) {
    const auto knee = locate_knee(*curve);
    const auto& points = curve->points();
    // Without a knee a load that is nearly full: what climbs with time does so there as well, and sooner.
    constexpr double kNearlyFull = 0.6;
    double most = 0;
    for (const ThroughputPoint& point : points) most = std::max(most, point.throughput);
    const auto nearly = std::find_if(points.begin(), points.end(), [&](const ThroughputPoint& point) {
      return point.throughput >= kNearlyFull * most;
    });
    wanted = nearly->concurrency;
    for (auto point = points.rbegin(); knee && point != points.rend(); ++point) {
      if (point->concurrency >= 1.9 * *knee) wanted = point->concurrency;
    }
  }
  const auto load = held_.next(steps_, wanted);
  if (!load) return std::nullopt;
  return Probe{.concurrency = static_cast<std::uint32_t>(*load), .scout = false, .hold = true};
}

bool SearchPlanner::scouting_ends() const {
  const Step& last = steps_[climb_.back()];
  if (last.concurrency >= search_.max) return true;
  if (last.ttft_seconds.p50.value_or(0) > kTtftAbort) return true;
  if (surely_failing(last.requests)) {
    // Refusals are an answer: one look further shows that throughput stays. Other errors do damage.
    const bool before = climb_.size() > 1 && surely_failing(steps_[climb_[climb_.size() - 2]].requests);
    return before || !mostly_rejected(last);
  }
  const auto curve = this->curve();
  if (!curve) return false;
  const auto& points = curve->points();
  double most = 0;
  for (const ThroughputPoint& point : points) most = std::max(most, point.throughput);
  if (points.back().throughput < kCollapsed * most) return true;
  const std::size_t n = points.size();
  return n >= 3 && gain(points[n - 3], points[n - 2]).exhausted() &&
         gain(points[n - 2], points[n - 1]).exhausted();
}

std::optional<Probe> SearchPlanner::refine() {
  const auto curve = this->curve();
  if (!curve || refinements_ >= kMostRefinements) return std::nullopt;
  std::optional<Probe> probe = refine_peak(*curve);
  if (!probe) {
    const auto knee = locate_knee(*curve);
    if (!knee) {
      probe = refine_refusals(*curve);
      if (probe) ++refinements_;  // counted, so that it ends
      return probe;
    }
    // After a change the curve may begin past its knee.
    if (*knee <= curve->points().front().concurrency && *knee > first_) {
      ++refinements_;
      return Probe{.concurrency = std::max(first_, static_cast<std::uint32_t>(*knee / 2))};
    }
    // A line through token times has no length without a load well below.
    const auto& points = curve->points();
    const bool below = std::any_of(points.begin(), points.end(), [&](const ThroughputPoint& p) {
      return p.concurrency >= kWellBelow * *knee && p.concurrency <= 2 * kWellBelow * *knee;
    });
    if (const auto half = static_cast<std::uint32_t>(*knee / 2);
        !below && half > first_ && attempts(half) < 3) {
      ++refinements_;
      return Probe{.concurrency = half};
    }
    // Its other end, too; of a curve that falls it is the peak that the knee is compared with.
    const bool falls = curve->collapsed(points.size() - 1);
    if (!falls && kTwice * *knee > curve->top() && curve->top() < search_.max) {
      ++refinements_;
      return Probe{.concurrency =
                       static_cast<std::uint32_t>(std::min<double>(search_.max, 2 * curve->top()))};
    }
    // A knee close to a step may yet turn out to lie on its other side.
    for (const double n : {*knee, (1 - kClose) * *knee, (1 + kClose) * *knee}) {
      const Interval bracket = bracket_of(*curve, n);
      if (probe || !wide(bracket.low, bracket.high)) continue;
      probe = Probe{.concurrency = between(bracket.low, bracket.high, n)};
    }
    // X at twice the knee decides as much, but is flat or nearly so there: a wider gap will do.
    const Interval twice = bracket_of(*curve, 2 * *knee);
    if (!probe && !falls && twice.high > kFarResolution * twice.low && 2 * *knee < curve->top()) {
      probe = Probe{.concurrency = between(twice.low, twice.high, 2 * *knee)};
    }
    if (!probe) return std::nullopt;
  }
  if (attempts(probe->concurrency) > 1) return std::nullopt;  // it gave no valid row
  ++refinements_;
  return probe;
}

/// Where refusals began within a row, or were still settling, it says that there is a bound and not which.
std::optional<Probe> SearchPlanner::repeat_refused() const {
  constexpr std::size_t kMostAttempts = 4;
  for (auto row = steps_.rbegin(); row != steps_.rend(); ++row) {
    if (surely_failing(row->requests) && mostly_rejected(*row) && attempts(row->concurrency) < kMostAttempts)
      return Probe{.concurrency = row->concurrency};
  }
  return std::nullopt;
}

/// A rate that is admitted for long is a bound at every load past the one that reaches it, and that one lies
/// somewhere between what was not refused and what was.
std::optional<Probe> SearchPlanner::refine_refusals(const ThroughputCurve& curve) const {
  const auto& points = curve.points();
  const auto refused =
      std::find_if(points.begin(), points.end(), [](const ThroughputPoint& p) { return p.refused; });
  if (refused == points.end()) return repeat_refused();
  const double high = refused->concurrency;
  if (refused == points.begin())
    return high > first_ ? std::optional(Probe{.concurrency = static_cast<std::uint32_t>(high / 2)})
                         : std::nullopt;
  const double low = std::prev(refused)->concurrency;
  if (wide(low, high)) return Probe{.concurrency = between(low, high, std::sqrt(low * high))};
  const auto further = static_cast<std::uint32_t>(2 * curve.top());
  if (further > search_.max) return std::nullopt;
  return Probe{.concurrency = further};
}

/// Where throughput falls after its peak, the peak itself decides, and doubling may have jumped over it.
std::optional<Probe> SearchPlanner::refine_peak(const ThroughputCurve& curve) const {
  constexpr double kPeakResolution = 1.025;
  constexpr double kHidden = 0.007;
  const auto& points = curve.points();
  if (!curve.collapsed(points.size() - 1)) return std::nullopt;
  const auto peak = static_cast<std::size_t>(
      std::max_element(points.begin(), points.end(),
                       [](const auto& a, const auto& b) { return a.throughput < b.throughput; }) -
      points.begin());
  for (const std::size_t i : {peak, peak - 1}) {
    if (i >= points.size() - 1) continue;  // also where peak is 0
    const double low = points[i].concurrency;
    const double high = points[i + 1].concurrency;
    if (hidden_height(points, i) > kHidden && high > kPeakResolution * low && high - low > 1.5) {
      return Probe{.concurrency = between(low, high, std::sqrt(low * high))};
    }
  }
  return std::nullopt;
}

std::uint32_t SearchPlanner::twice(const ThroughputCurve& curve, double knee) const {
  constexpr double kNear = 1.07;
  double best = 0;
  for (const ThroughputPoint& point : curve.points()) {
    const double off = std::abs(std::log(point.concurrency / (2 * knee)));
    if (off < std::log(kNear) && (best == 0 || off < std::abs(std::log(best / (2 * knee)))))
      best = point.concurrency;
  }
  return best > 0 ? static_cast<std::uint32_t>(best)
                  : static_cast<std::uint32_t>(std::min<double>(std::ceil(2 * knee), search_.max));
}

std::optional<Probe> SearchPlanner::measure() {
  if (measurements_ >= kMostMeasurements) return std::nullopt;
  std::vector<std::uint32_t> wanted;
  if (const auto curve = this->curve()) {
    if (const auto knee = locate_knee(*curve)) {
      const Interval bracket = bracket_of(*curve, *knee);
      if (auto probe = refine()) return probe;
      wanted = {static_cast<std::uint32_t>(bracket.low), twice(*curve, *knee),
                static_cast<std::uint32_t>(bracket.high)};
    } else {
      wanted = {static_cast<std::uint32_t>(curve->top())};
    }
  }
  for (const std::uint32_t n : wanted) {
    if (measured(n)) continue;
    ++measurements_;
    return Probe{.concurrency = n, .scout = false};
  }
  return std::nullopt;
}

std::optional<Probe> SearchPlanner::limits() {
  if (slo_.empty() || limit_probes_ >= kMostLimitProbes) return std::nullopt;
  const SloResult found = find_slo(steps_, slo_);
  std::optional<Probe> probe = narrow(found.joint, joint_check, 0);
  for (std::size_t i = 0; i < found.criteria.size() && !probe; ++i) {
    probe = narrow(found.criteria[i], limit_check, i);
  }
  if (probe) ++limit_probes_;
  return probe;
}

std::optional<Probe> SearchPlanner::narrow(const std::optional<SloCriterion>& criterion,
                                           const SloCheck* (*check_of)(const Step&, std::size_t),
                                           std::size_t index) const {
  if (!criterion || !criterion->concurrency || !criterion->ci95) return std::nullopt;
  const double pass = criterion->ci95->low;
  const double fail = criterion->ci95->high;
  // Between them lie only rows that could not tell.
  std::set<double> rows = {pass, fail};
  for (const Step& step : steps_) {
    if (step.concurrency > pass && step.concurrency < fail && check_of(step, index))
      rows.insert(step.concurrency);
  }
  const auto probe = [&](double low, double high) -> std::optional<Probe> {
    if (!wide(low, high)) return std::nullopt;
    return Probe{.concurrency = between(low, high, std::sqrt(low * high)), .scout = false};
  };
  const double above_pass = *std::next(rows.begin());
  const double below_fail = *std::prev(rows.end(), 2);
  if (auto next = probe(pass, above_pass)) return next;
  for (const double doubtful : {above_pass, below_fail}) {
    const auto n = static_cast<std::uint32_t>(doubtful);
    if (doubtful > pass && doubtful < fail && attempts(n) < 2 && !refused(n)) {
      return Probe{.concurrency = n, .scout = false, .thorough = true};
    }
  }
  return probe(below_fail, fail);
}

std::optional<Probe> SearchPlanner::sharpen() {
  if (sharpenings_ >= (restarts_ > 0 ? kMostSharpenings / 2 : kMostSharpenings)) return std::nullopt;
  const auto curve = this->curve();
  if (!curve) return std::nullopt;
  const auto found = estimate_knee(*curve, {.bootstraps = kBootstraps});
  if (!found || found->ci95.high - found->ci95.low <= 2 * search_.precision * found->concurrency)
    return std::nullopt;
  // Longer windows do not help against what a host scatters by between them.
  constexpr double kScatters = 0.015;
  if (scatter_of(curve_rows(steps_)).ratio > kScatters) return std::nullopt;
  const Interval bracket = bracket_of(*curve, found->concurrency);
  if (auto probe = refine()) return probe;
  // What decides is the ratio of X at the knee to X at twice the knee.
  const std::uint32_t low = static_cast<std::uint32_t>(bracket.low);
  const std::uint32_t high = static_cast<std::uint32_t>(bracket.high);
  // Past a peak that is the peak itself.
  const auto& points = curve->points();
  const auto peak = std::max_element(
      points.begin(), points.end(), [](const auto& a, const auto& b) { return a.throughput < b.throughput; });
  const bool falls = curve->collapsed(points.size() - 1) && peak->concurrency > bracket.high;
  const std::uint32_t far =
      falls ? static_cast<std::uint32_t>(peak->concurrency) : twice(*curve, found->concurrency);
  const std::uint32_t round[] = {far, low, far, high};
  return Probe{.concurrency = round[sharpenings_++ % 4], .scout = false, .thorough = true};
}

std::optional<Probe> SearchPlanner::doubts() {
  constexpr std::size_t kMostDoubts = 6;
  const auto load = doubtful_load(steps_);
  if (!load || doubts_ >= kMostDoubts) return std::nullopt;
  ++doubts_;
  return Probe{.concurrency = static_cast<std::uint32_t>(*load), .scout = false, .back = true};
}

std::optional<Probe> SearchPlanner::confirm() {
  const auto visit = rounds_.next(steps_);
  if (!visit) return std::nullopt;
  return Probe{.concurrency = static_cast<std::uint32_t>(visit->load), .scout = false, .look = visit->look};
}

/// Loads from before it was full are as old as the search: did the host stay the same there?
std::optional<Probe> SearchPlanner::come_back() {
  constexpr std::size_t kMostReturns = 2;
  constexpr double kFrom = 0.2, kBelow = 0.75;  // of the knee
  if (rounds_.contradicted()) return std::nullopt;
  const auto curve = this->curve();
  const auto knee = curve ? locate_knee(*curve) : std::nullopt;
  const double reference = knee.value_or(0);
  std::uint32_t best = 0;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const std::uint32_t n = steps_[i].concurrency;
    if (!probes_[i].scout || n == first_ || n < kFrom * reference || n > kBelow * reference) continue;
    if (attempts(n) == 1) best = std::max(best, n);
  }
  if (best > 0 && returns_ < kMostReturns) {
    ++returns_;
    return Probe{.concurrency = best, .scout = false, .back = true};
  }
  if (baseline_) return std::nullopt;
  baseline_ = true;
  return Probe{.concurrency = first_, .scout = false, .back = true};
}

}  // namespace kneepoint::coordinator
