#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/plan.h"
#include "coordinator/controllers/confirmation_rounds.h"
#include "coordinator/controllers/hold_rounds.h"
#include "coordinator/controllers/schedule.h"
#include "coordinator/results/model.h"
#include "coordinator/verdict/throughput_curve.h"

namespace kneepoint::coordinator {

/// What a search measures next.
struct Probe {
  std::uint32_t concurrency = 0;
  /// A brief look, to find where the knee is; else a measurement that counts towards the interval.
  bool scout = true;
  /// Measure four times as long, and do not stop when the row itself is precise enough.
  bool thorough = false;
  /// Full load until the host holds still: long enough to see it move.
  bool hold = false;
  /// Only to see whether the host still gives there what it gave.
  bool back = false;
  /// It measures again for what was found.
  std::optional<Look> look;
};

/// Decides where a search for the saturation point looks, from the rows that it has seen: no time, no load,
/// no randomness. Its stages, each left when it has nothing more to ask:
///
///   scout      double N until throughput surely stops following (docs/method.md lists the rules)
///   hold       past the knee, until the host holds still (controllers/hold_rounds.h)
///   refine     halve the gap around the estimated knee (and around a peak) to 10 %
///   measure    both sides of the knee, twice the knee
///   limits     halve the gap between the last N that meets each SLO limit and the first that misses it
///   sharpen    repeat what decides the knee until its interval is as narrow as asked
///   confirm    the interval's ends and twice these, up and down in turn
///   return     the scouts below the knee and the baseline, measured again: last, as light load lets a host
///              rest, cool and refill its allowance
///
/// From `refine` on rows that contradict their neighbours are repeated before anything else
/// (controllers/doubts.h). Where rows turn out to be superseded (verdict/supersede.h), it scouts again from
/// below the knee, as far as what is left does not tell.
class SearchPlanner {
 public:
  static constexpr std::size_t kMostSteps = 64;
  static constexpr double kResolution = 1.10;  ///< Neighbouring steps around what is sought.

  /// @param first the smallest N, one request per replica.
  SearchPlanner(const Search& search, std::vector<SloLimit> slo, std::uint32_t first);

  /// The next probe, or none when the search is finished. Call once after each add().
  std::optional<Probe> next(const TimeFrame& time = {});
  void add(const Probe& probe, const Step& step);

  /// How the host moves is known and allowed for: that a window moves is no sign that it still settles.
  bool movement_known() const { return movement_known_; }
  /// The target admits so much in each minute (verdict/burst.h): a window must hold whole ones.
  bool quota_known() const { return quota_known_; }
  /// It has closed in, and confirms what it found or goes back to light load.
  bool confirms() const { return stage_ >= Stage::kConfirm; }
  /// Leaves out what it would still close in on.
  void confirm_now() { stage_ = std::max(stage_, Stage::kConfirm); }
  /// What confirming and the rows after it take: a third of all at most.
  Nanos time_to_confirm(const TimeFrame& time) const;

  const std::vector<Step>& steps() const { return steps_; }

 private:
  enum class Stage { kScout, kHold, kRefine, kMeasure, kLimits, kSharpen, kConfirm, kReturn, kDone };

  std::optional<Probe> ask(Stage stage);
  std::optional<Probe> scout();
  std::optional<Probe> hold();
  std::optional<Probe> refine();
  std::optional<Probe> measure();
  std::optional<Probe> limits();
  std::optional<Probe> sharpen();
  std::optional<Probe> doubts();
  std::optional<Probe> confirm();
  std::optional<Probe> come_back();
  /// Full load once more where light load showed that the host changed since.
  std::optional<Probe> hold_last();
  /// Whether what time is left is needed to confirm what was found.
  bool late(const TimeFrame& time) const { return time.left && *time.left < time_to_confirm(time); }
  /// Takes what is known of the host's movement by now out of all rows.
  void allow_for_movement();
  bool begin_anew();
  void scout_again();
  /// The host moved on while it was held: what came before is of another host, whether repeats refute it yet
  /// or not.
  bool forget_before_hold();
  bool superseded_climb() const;
  /// What is left after rows were superseded still brackets the knee.
  bool still_bracketed() const;
  /// A row of this load that counts; none where it was not measured, or is past.
  std::optional<std::size_t> standing(std::uint32_t concurrency) const;

  bool scouting_ends() const;
  /// Between the highest load that was not refused and the lowest that was.
  std::optional<Probe> refine_refusals(const ThroughputCurve& curve) const;
  std::optional<Probe> repeat_refused() const;
  std::optional<Probe> refine_peak(const ThroughputCurve& curve) const;
  /// The next probe that narrows one limit's bracket.
  std::optional<Probe> narrow(const std::optional<SloCriterion>& criterion,
                              const SloCheck* (*check_of)(const Step&, std::size_t), std::size_t index) const;
  std::optional<ThroughputCurve> curve() const;
  bool measured(std::uint32_t concurrency) const;
  std::size_t attempts(std::uint32_t concurrency) const;
  /// Of these, those that were not superseded.
  std::size_t standing_attempts(std::uint32_t concurrency) const;
  /// The target turned requests away there: no repeat makes that row a valid one.
  bool refused(std::uint32_t concurrency) const;
  /// A measured concurrency near twice `knee`, else that itself.
  std::uint32_t twice(const ThroughputCurve& curve, double knee) const;

  Search search_;
  std::vector<SloLimit> slo_;
  std::uint32_t first_;
  Stage stage_ = Stage::kScout;
  std::vector<Step> steps_;
  std::vector<Step> measured_;  // steps_ as they were measured
  bool movement_known_ = false, quota_known_ = false;
  std::vector<Probe> probes_;       // of steps_
  std::vector<std::size_t> climb_;  // of steps_: those of the present scouting
  std::uint32_t climb_from_;
  std::size_t restarts_ = 0, anew_ = 0;
  HoldRounds held_;
  bool baseline_ = false;       ///< It was measured again.
  bool light_changed_ = false;  ///< At light load, as that was measured again.
  HoldRounds held_last_;
  ConfirmationRounds rounds_;
  std::size_t refinements_ = 0, measurements_ = 0, sharpenings_ = 0, limit_probes_ = 0, doubts_ = 0,
              returns_ = 0;
};

}  // namespace kneepoint::coordinator
