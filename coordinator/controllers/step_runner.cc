#include "coordinator/controllers/step_runner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/whole_seconds.h"
#include "coordinator/controllers/window_rules.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using Settles = PlannedStep::Settling;

constexpr Nanos kLongestSpread = 1min;  ///< Of added slots over their cycle.
constexpr Nanos kLongestDrain = 5min;   ///< A step goes on after this although more ends than comes.
/// And after this, or so many residences, although more is in flight than it asks for: a request ends in ten
/// minutes where its plan says nothing else.
constexpr Nanos kLongestSurplus = 15min;
constexpr int kSurplusResidences = 10;
constexpr Nanos kFirstLook = 20s;  ///< A window is no shorter, however precise.
constexpr int kShortestCycles = 2;
constexpr Nanos kLookEvery = 10s;
constexpr std::int64_t kFewestGrains = 20;  ///< Of a folded row: for 5 to 10 batches, and its trend.

}  // namespace

StepRunner::StepRunner(const Cell& cell, std::unique_ptr<Schedule> schedule, std::uint64_t first_epoch)
    : StepRunner(std::vector{cell}, std::move(schedule), first_epoch) {}

StepRunner::StepRunner(std::vector<Cell> cells, std::unique_ptr<Schedule> schedule, std::uint64_t first_epoch)
    : cells_(std::move(cells)),
      pause_(mean_pause(cells_.front())),
      schedule_(std::move(schedule)),
      epoch_(first_epoch) {}

std::optional<LoadLevel> StepRunner::next(Nanos now, const FleetView& fleet) {
  now_ = now;
  switch (phase_) {
    case Phase::kPending:
      started_at_ = now - elapsed_before_;
      if (std::exchange(left_, false) && again_.front().agents <= fleet.agents) {
        PlannedStep rest = std::move(again_.front());
        again_.pop_front();
        return start(rest, ceil_second(now + kLead), fleet);
      }
      return advance(now, ceil_second(now + kLead), fleet);
    case Phase::kWarmUp:
      look_for_surplus(now, fleet);
      plan_window(fleet);
      if (still_drains(now, fleet)) return std::nullopt;
      if (now < hold_begin_ - (step_.way ? kLead : Nanos(0))) return std::nullopt;
      phase_ = Phase::kHold;
      return step_.way ? std::optional(start_way()) : std::nullopt;
    case Phase::kHold:
      return hold(now, fleet);
    case Phase::kRequests:
      if (!budget_finished_) return std::nullopt;
      hold_end_ = ceil_second(std::max(*budget_finished_, now) + kLead);
      close_row(hold_end_);
      return advance(now, hold_end_, fleet);
    case Phase::kDeciding:
      return decide(now, fleet);
    case Phase::kRerun:
      return advance(now, ceil_second(now + kLead), fleet);
    case Phase::kDrain:
      if (fleet.idle) phase_ = Phase::kDone;
      return std::nullopt;
    case Phase::kDone:
      break;
  }
  return std::nullopt;
}

/// Requests end. What is still beyond the level after so long is so in an agent's words only, or never ends:
/// the step goes on, and its rows are worth nothing.
void StepRunner::look_for_surplus(Nanos now, const FleetView& fleet) {
  if (now <= level_.effective_at || fleet.slots_in_flight <= level_.concurrency) return;
  const Nanos residence = fleet.residence.value_or(Nanos(0)) + pause_;
  const Nanos longest = std::max(kLongestSurplus, kSurplusResidences * residence) + level_.spread_over;
  if (now < level_.effective_at + longest) {
    surplus_until_ = now;
  } else {
    surplus_stays_ = true;
  }
}

/// Rows are closed ahead of their end where nothing that may still come changes it.
std::optional<LoadLevel> StepRunner::hold(Nanos now, const FleetView& fleet) {
  hold_end_ = std::max(hold_end_, hold_begin_ + window_length(fleet));
  const bool last = rows_closed_ + 1 == step_.rows;
  if (!last || !again_.empty() || schedule_->foreseen()) {
    const Nanos end = row_begin(rows_closed_ + 1);
    if (now < end - kLead) return std::nullopt;
    close_row(end);
    return last ? std::optional(advance(now, end, fleet)) : std::nullopt;
  }
  stop_when_precise(now, fleet);
  if (now >= hold_end_) phase_ = Phase::kDeciding;
  return std::nullopt;
}

std::optional<LoadLevel> StepRunner::decide(Nanos now, const FleetView& fleet) {
  if (rows_closed_ == step_.rows) {
    if (rows_given_ < windows_.size()) return std::nullopt;
    return advance(now, ceil_second(now + kLead), fleet);
  }
  if (fleet.timeline->complete_through() + 1 < second_of(hold_end_)) return std::nullopt;
  if (!settled(fleet)) {
    phase_ = Phase::kHold;
    return std::nullopt;
  }
  close_row(hold_end_);
  judge_confidence(fleet);
  return std::nullopt;
}

LoadLevel StepRunner::advance(Nanos now, Nanos at, const FleetView& fleet) {
  // Whoever was away himself is late: nothing was loaded by a level that nobody had yet.
  if (at < now) at = ceil_second(now + kLead);
  at = std::max(at, ceil_second(fleet.not_before));
  const auto limit = schedule_->max_duration();
  const TimeFrame time = time_frame(now - started_at_, cycle(fleet));
  std::optional<PlannedStep> step;
  const bool again = !again_.empty();
  if (again) {
    step = std::move(again_.front());
    again_.pop_front();
  } else {
    step = schedule_->next(time);
  }
  if (step && step->agents > fleet.agents) step.reset();
  if (step && limit && !decisions_.empty() && at - started_at_ + shortest_time(*step, fleet) > *limit) {
    cut_short_ = words::bound_used_up(schedule_->bound_name(), to_seconds(*limit), step->load());
  }
  Decision decision{.rows = windows_.size(), .elapsed = time.elapsed, .cycle = time.cycle};
  if (step && cut_short_.empty()) {
    decision.load = step->load();
    decision.again = again;
    decisions_.push_back(std::move(decision));
    return start(*step, at, fleet);
  }
  decision.ended = true;
  decision.cut_short = cut_short_;
  decisions_.push_back(std::move(decision));
  new_level(at);
  phase_ = Phase::kDrain;
  return level_;
}

TimeFrame StepRunner::time_frame(Nanos elapsed, std::optional<Nanos> cycle) const {
  TimeFrame time{.elapsed = elapsed, .cycle = cycle};
  if (const auto limit = schedule_->max_duration()) time.left = std::max(Nanos(0), *limit - elapsed);
  return time;
}

/// A level that ends the load, unless something is added to it.
LoadLevel StepRunner::new_level(Nanos effective_at) {
  level_ = LoadLevel{.epoch = epoch_++, .cell = cell(), .effective_at = effective_at};
  return level_;
}

LoadLevel StepRunner::start(const PlannedStep& step, Nanos at, const FleetView& fleet) {
  const bool first = phase_ == Phase::kPending;
  // What the other one has in flight ends with its requests.
  const bool other = !first && step.turn != step_.turn;
  const std::uint32_t running = first || other ? 0 : level_.concurrency;
  const bool others = std::exchange(dealt_among_, fleet.fleet) != fleet.fleet;
  const bool some_move = others && !first;
  sharing_ = fleet.agents;
  // Slots that ran a budget have ended with it: the next step starts all of its slots.
  const std::uint32_t warm = level_.budget ? 0 : std::min(running, step.concurrency);
  falling_ = !first && !other && step.load() < step_.load();
  step_ = step;
  const std::uint32_t attempt = visits(step);
  new_level(at);
  level_.attempt = attempt;
  level_.concurrency = step.concurrency;
  level_.agents = step.agents;
  level_.warm_slots = warm;
  level_.arrivals = step.arrivals;
  level_.budget = step.requests;
  rows_closed_ = 0;
  budget_finished_.reset();
  surplus_until_ = drained_at_ = Nanos(0);
  moved_ = unsteady_ = surplus_stays_ = false;
  if (step.requests) {
    phase_ = Phase::kRequests;
    return level_;
  }
  phase_ = Phase::kWarmUp;
  // Arrivals are spread by themselves.
  if (!step.arrivals) level_.spread_over = spread(fleet, step.concurrency > running);
  // Slots that change hands start no faster than requests end: the host never gets more of them than it was
  // to get.
  if (!step.arrivals && some_move)
    level_.spread_over =
        std::max(level_.spread_over, std::min(cycle(fleet).value_or(Nanos(0)), kLongestSpread));
  hold_begin_ = hold_end_ = at;
  plan_window(fleet);
  return level_;
}

/// A burst start makes a convoy that does not dissolve by itself: added slots start one after the other.
/// Where slots think it is over their whole cycle.
Nanos StepRunner::spread(const FleetView& fleet, bool rising) const {
  const Nanos half = step_.warmup / 2;
  switch (step_.settling) {
    case Settles::kResidence:
      return (windows_.empty() ? half : std::min(fleet.residence.value_or(half), half)) +
             std::min(pause_, kLongestSpread);
    case Settles::kCycles:
      return rising ? std::min(cycle(fleet).value_or(half + pause_), kLongestSpread) : Nanos(0);
    case Settles::kWarmUpOnly:
      break;
  }
  return std::min(half + pause_, step_.warmup);
}

LoadLevel StepRunner::start_way() {
  const LinearRamp& way = *step_.way;
  const std::uint32_t running = level_.concurrency;
  if (step_.arrivals) {
    ArrivalProcess arrivals = *level_.arrivals;
    arrivals.over = way.over;
    arrivals.end_rate = way.to;
    new_level(hold_begin_);
    level_.concurrency = running;
    level_.arrivals = arrivals;
  } else {
    // Slots start or end one by one, the first at once: half a gap later the mean is exactly on the line.
    const double gap = to_seconds(way.over) / std::abs(way.to - way.from);
    new_level(hold_begin_ + from_seconds(gap / 2));
    level_.concurrency = static_cast<std::uint32_t>(way.to);
    level_.spread_over = way.over;
  }
  level_.warm_slots = running;
  level_.agents = step_.agents != 0 ? step_.agents : sharing_;  // on its way no load changes hands
  return level_;
}

/// Which visit of its load a step is: steps may come back to one (8, 64, 8).
std::uint32_t StepRunner::visits(const PlannedStep& step) const {
  const auto same = [&](const Asked& other) {
    return other.step.load() == step.load() && other.step.turn == step.turn;
  };
  return static_cast<std::uint32_t>(std::count_if(asked_.begin(), asked_.end(), same)) + 1;
}

std::optional<Nanos> StepRunner::cycle(const FleetView& fleet) const {
  return fleet.residence ? std::optional(*fleet.residence + pause_) : std::nullopt;
}

void StepRunner::plan_window(const FleetView& fleet) {
  const Nanos residence = fleet.residence.value_or(Nanos(0)) + pause_;
  Nanos settling = step_.warmup;
  if (step_.settling == Settles::kResidence) {
    settling = std::max(settling, level_.spread_over + residence);
  } else if (step_.settling == Settles::kCycles) {
    // Surplus slots of a falling level end with their request, the longest of which takes more than R̂.
    const int cycles = falling_ ? std::max(2, step_.cycles) : step_.cycles;
    settling = level_.spread_over + std::max(settling, cycles * cycle(fleet).value_or(Nanos(0)));
  }
  hold_begin_ = level_.effective_at + ceil_second(settling);
  // On a falling level those that had queued before end last, with the residence of the overload.
  if (surplus_until_ != Nanos(0))
    hold_begin_ = std::max(hold_begin_, ceil_second(surplus_until_ + residence));
  hold_begin_ = std::max(hold_begin_, ceil_second(drained_at_));
  hold_end_ = hold_begin_ + window_length(fleet);
  next_look_ = hold_begin_ + kFirstLook;
}

Nanos StepRunner::window_length(const FleetView& fleet) const {
  const PlannedStep::Window& window = step_.window;
  // Nothing has ended yet, so nothing is known: as long as it may take.
  if (window.cycles > 0 && !fleet.residence && phase_ == Phase::kHold && window.multiple == Nanos(0))
    return ceil_second(window.most);
  Nanos wanted = std::max(window.least, window.cycles * cycle(fleet).value_or(Nanos(0)));
  wanted = std::min(wanted, window.most);
  if (window.multiple > Nanos(0))
    return (wanted + window.multiple - Nanos(1)) / window.multiple * window.multiple;
  // What is bounded ends in time, with a shorter window at last.
  if (const auto limit = schedule_->max_duration(); limit && phase_ != Phase::kPending)
    wanted = std::min(wanted, std::max(std::min(kFirstLook, wanted), started_at_ + *limit - hold_begin_));
  return ceil_second(wanted);
}

bool StepRunner::still_drains(Nanos now, const FleetView& fleet) {
  if (!falling_ || !step_.arrivals || fleet.timeline == nullptr || now >= level_.effective_at + kLongestDrain)
    return false;
  if (!drains(*fleet.timeline, cell(), fleet.residence.value_or(Nanos(0)), second_of(level_.effective_at)))
    return false;
  drained_at_ = now;
  return true;
}

void StepRunner::stop_when_precise(Nanos now, const FleetView& fleet) {
  if (!step_.window.until_precise || now < next_look_) return;
  const Nanos end = seconds(std::min(fleet.timeline->complete_through() + 1, second_of(now)));
  if (end < next_look_) return;
  next_look_ += kLookEvery;
  const StepWindow so_far{.cell = cell(),
                          .concurrency = level_.concurrency,
                          .epoch = level_.epoch,
                          .level_at = level_.effective_at,
                          .begin = second_of(hold_begin_),
                          .end = second_of(end)};
  if (precise(fleet.measure(so_far))) hold_end_ = std::min(hold_end_, end);
}

bool StepRunner::settled(const FleetView& fleet) {
  if (!step_.moves_on_settling) return true;
  const std::int64_t from = second_of(level_.effective_at + level_.spread_over) + 1;
  const Settling settling = settling_in(*fleet.timeline, cell(), from, second_of(hold_end_));
  const Nanos settled_at =
      ceil_second(seconds(from) + 500ms * static_cast<Nanos::rep>(settling.half_seconds));
  if (settled_at <= hold_begin_) return true;
  if (moved_) {
    unsteady_ = settling.most;
    return true;
  }
  moved_ = true;
  const Nanos length = hold_end_ - hold_begin_;
  hold_begin_ = settling.most ? hold_end_ : settled_at;
  hold_end_ = hold_begin_ + length;
  next_look_ = hold_begin_ + kFirstLook;
  return false;
}

Nanos StepRunner::row_begin(std::size_t row) const {
  return row < step_.rows ? hold_begin_ + step_.row * static_cast<Nanos::rep>(row) : hold_end_;
}

void StepRunner::close_row(Nanos end) {
  const double load = step_.row_loads.empty() ? step_.load() : step_.row_loads[rows_closed_];
  StepWindow window{.cell = cell(),
                    .concurrency = step_.concurrency,
                    .attempt = step_.way ? 1 : visits(step_),
                    .epoch = level_.epoch,
                    .level_at = step_.way ? hold_begin_ : level_.effective_at,
                    .begin = second_of(row_begin(rows_closed_)),
                    .end = second_of(end),
                    .unsteady = unsteady_ || surplus_stays_,
                    .role = step_.role,
                    .scout = step_.scout,
                    .agents = step_.agents,
                    .moving = step_.way.has_value(),
                    .look = step_.look};
  if (step_.arrivals) {
    window.rate = load;
  } else if (step_.way) {
    window.concurrency = static_cast<std::uint32_t>(load);
  }
  if (phase_ == Phase::kRequests) {
    window.requests = step_.requests;
    window.finished_at = budget_finished_;
    window.begin = second_of(level_.effective_at);
    window.end = second_of(*budget_finished_) + 1;
  }
  if (step_.folded) {
    const std::int64_t length = window.end - window.begin;
    for (window.grain = std::max<std::int64_t>(1, length / kFewestGrains); length % window.grain != 0;)
      --window.grain;
  }
  windows_.push_back(window);
  asked_.push_back({step_, rows_closed_});
  ++rows_closed_;
}

void StepRunner::judge_confidence(const FleetView& fleet) {
  StepWindow& window = windows_.back();
  if (!step_.window.judged || hold_end_ - hold_begin_ < step_.window.most) return;
  window.low_confidence = !throughput_is_precise(fleet.measure(window));
}

void StepRunner::measured(std::size_t index, const Step& step) {
  if (stopping_) return;
  ++rows_given_;
  if (!windows_[index].agent_lost) schedule_->add(asked_[index].step, step);
}

Nanos StepRunner::shortest_time(const PlannedStep& step, const FleetView& fleet) const {
  const Nanos residence = cycle(fleet).value_or(Nanos(0));
  const bool adapts =
      (step.window.until_precise || step.window.cycles > 0) && step.window.multiple == Nanos(0);
  const Nanos window = adapts ? std::max(kFirstLook, kShortestCycles * residence) : step.window.least;
  const Nanos spread = step.concurrency > level_.concurrency ? std::min(residence, kLongestSpread) : Nanos(0);
  return spread + std::max(step.warmup, step.cycles * residence) + window;
}

void StepRunner::level_done(std::uint64_t epoch, Nanos finished_at) {
  if (phase_ == Phase::kRequests && epoch == level_.epoch) budget_finished_ = finished_at;
}

std::size_t StepRunner::step_index() const {
  const bool between = phase_ == Phase::kDeciding || phase_ == Phase::kDrain || phase_ == Phase::kDone;
  const bool closed = between && !windows_.empty() && rows_closed_ == step_.rows;
  return windows_.size() - (closed ? 1 : 0);
}

std::optional<std::size_t> StepRunner::step_count() const {
  const auto planned = schedule_->step_count();
  if (!planned) return std::nullopt;
  // A row that is run again is one more.
  const auto lost =
      std::count_if(windows_.begin(), windows_.end(), [](const auto& w) { return w.agent_lost; });
  return *planned + static_cast<std::size_t>(lost);
}

std::uint32_t StepRunner::concurrency() const {
  if (phase_ == Phase::kPending || phase_ == Phase::kDone) return 0;
  if (!step_.way || step_.arrivals || phase_ == Phase::kDrain) return level_.concurrency;
  return static_cast<std::uint32_t>(std::lround(step_.way->at(std::max(Nanos(0), now_ - hold_begin_))));
}

std::optional<double> StepRunner::rate() const {
  if (phase_ == Phase::kPending || phase_ == Phase::kDone || !level_.arrivals) return std::nullopt;
  return step_.way ? step_.way->at(std::max(Nanos(0), now_ - hold_begin_)) : level_.arrivals->rate;
}

std::optional<Nanos> StepRunner::time_left(Nanos now) const {
  if (phase_ == Phase::kDrain || phase_ == Phase::kDone) return Nanos(0);
  if (const auto limit = schedule_->max_duration())
    return phase_ == Phase::kPending ? *limit : std::max(Nanos(0), started_at_ + *limit - now);
  const auto later = schedule_->later();
  if (!later || phase_ == Phase::kPending) return later;
  return std::max(Nanos(0), hold_end_ - now) + *later;
}

}  // namespace kneepoint::coordinator
