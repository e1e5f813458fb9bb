#include "coordinator/controllers/search_planner.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/controllers/doubts.h"
#include "coordinator/controllers/search_loads.h"
#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/verdict/burst.h"
#include "coordinator/verdict/confirmation.h"
#include "coordinator/verdict/host_speed.h"
#include "coordinator/verdict/knee.h"
#include "coordinator/verdict/revisits.h"
#include "coordinator/verdict/scatter.h"
#include "coordinator/verdict/slo.h"
#include "coordinator/verdict/supersede.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kCollapsed = 0.9;  ///< Of the most so far: scouting further would only hurt the target.
constexpr double kTtftAbort = 60;   ///< Seconds of median TTFT after which more load says nothing new.
constexpr std::size_t kMostMeasurements = 12;
constexpr std::size_t kMostSharpenings = 10;
constexpr std::size_t kMostLimitProbes = 12;

const SloCheck* limit_check(const Step& step, std::size_t i) {
  return i < step.slo.size() ? &step.slo[i] : nullptr;
}
const SloCheck* joint_check(const Step& step, std::size_t) {
  return step.slo_joint ? &*step.slo_joint : nullptr;
}

/// Whether a load that stood gives another throughput now.
bool changed_since(const std::vector<Step>& steps, const Step& now) {
  constexpr double kMatters = 0.05;
  std::vector<Step> both;
  for (const Step& step : steps) {
    if (step.load() == now.load() && !step.has_flag(kSuperseded) && !step.speed) both.assign(1, step);
  }
  both.push_back(now);
  const auto revisits = revisits_of(both);
  return !revisits.empty() && revisits.front().moved() && std::abs(revisits.front().change) > kMatters;
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
  if (probe.hold) (stage_ == Stage::kHold ? held_ : held_last_).add(steps_.size());
  if (stage_ == Stage::kReturn && probe.back) light_changed_ = light_changed_ || changed_since(steps_, step);
  probes_.push_back(probe);
  steps_.push_back(step);
  steps_.back().look = probe.look;
  measured_.push_back(steps_.back());
  allow_for_movement();
  const bool refuted = mark_superseded(steps_);
  if (!quota_known_ && has_quota(steps_)) {
    quota_known_ = true;
    return scout_again();
  }
  if (!refuted || stage_ <= Stage::kHold) return;
  const bool looks_stand = std::none_of(
      steps_.begin(), steps_.end(), [](const Step& row) { return row.look && row.has_flag(kSuperseded); });
  if (!looks_stand || !still_bracketed()) return scout_again();
  stage_ = std::min(stage_, Stage::kRefine);
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

Nanos SearchPlanner::time_to_confirm(const TimeFrame& time) const {
  using namespace std::chrono_literals;
  constexpr int kVisits = 11;  // two looks at four loads, and back to light load
  constexpr int kCycles = 6;
  const Nanos visit = quota_known_ ? 127s : 27s;
  const Nanos third = (time.elapsed + time.left.value_or(Nanos(0))) / 3;
  return std::min(third, kVisits * std::max(visit, kCycles * time.cycle.value_or(Nanos(0))));
}

std::optional<Probe> SearchPlanner::next(const TimeFrame& time) {
  if (steps_.size() >= kMostSteps) confirm_now();
  while (stage_ != Stage::kDone) {
    if (stage_ > Stage::kHold && stage_ < Stage::kConfirm) {
      if (auto probe = doubts()) return probe;
    }
    if (auto probe = ask(stage_)) return probe;
    if (stage_ == Stage::kHold && forget_before_hold()) continue;
    if (stage_ == Stage::kHold && superseded_climb() && !still_bracketed()) {
      const std::size_t before = restarts_;
      scout_again();
      if (restarts_ > before) continue;
    }
    if (stage_ == Stage::kConfirm && rounds_.contradicted() && steps_.size() < kMostSteps && !late(time)) {
      const std::size_t before = restarts_;
      scout_again();
      if (restarts_ > before) continue;
    }
    if (stage_ == Stage::kConfirm && !rounds_.contradicted() && !late(time) && begin_anew()) continue;
    stage_ = static_cast<Stage>(static_cast<int>(stage_) + 1);
  }
  return std::nullopt;
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

std::size_t SearchPlanner::standing_attempts(std::uint32_t concurrency) const {
  return static_cast<std::size_t>(std::count_if(steps_.begin(), steps_.end(), [&](const Step& step) {
    return step.concurrency == concurrency && !step.has_flag(kSuperseded);
  }));
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
  if (quota_known_ && held_.begun()) return std::nullopt;  // it moves within every minute, and between none
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
  const auto found = estimate_knee(*curve, {.bootstraps = kDecidingBootstraps});
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
  // Of a line it is how token time rises from well below the knee to twice it: loads near to each other say
  // little of that. The knee itself, in between, shows whether it is one.
  constexpr double kWellApart = 0.6;  // of the knee
  auto below = std::max(first_, static_cast<std::uint32_t>(found->concurrency / 2));
  for (const ThroughputPoint& point : points) {
    if (found->line && point.concurrency >= found->line->low &&
        point.concurrency <= kWellApart * found->concurrency)
      below = static_cast<std::uint32_t>(point.concurrency);
  }
  const std::uint32_t round[] = {far, found->line ? below : low, far, found->line ? low : high};
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

}  // namespace kneepoint::coordinator
