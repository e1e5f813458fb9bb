#include "coordinator/run/run_loop.h"

#include <algorithm>
#include <memory>
#include <span>

#include "common/lease.h"
#include "common/whole_seconds.h"
#include "coordinator/controllers/afterwards.h"
#include "coordinator/controllers/alternating.h"
#include "coordinator/controllers/linear.h"
#include "coordinator/controllers/search.h"
#include "coordinator/controllers/soak.h"
#include "coordinator/controllers/step_runner.h"
#include "coordinator/controllers/steps.h"
#include "coordinator/measure/target_health.h"
#include "coordinator/measure/window.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kTick = 50ms;
/// How far back the mean residence looks.
constexpr std::int64_t kResidenceSeconds = 10;
/// How long running requests may go on after the user's first interrupt or the end by a loss of agents.
constexpr Nanos kStopLimit = 10s;
/// How long the last seconds may take to arrive once the load has ended.
constexpr Nanos kSettleLimit = 5s;

std::unique_ptr<Schedule> schedule_of(const Plan& plan, const Cell& cell) {
  const Ramp& ramp = plan.scenarios[cell.scenario].ramp;
  if (plan.alternate) return std::make_unique<AlternatingSteps>(ramp);
  if (ramp.soak) return std::make_unique<SoakSchedule>(ramp);
  if (ramp.linear) return std::make_unique<LinearSchedule>(ramp);
  if (!ramp.search) return std::make_unique<FixedSteps>(ramp);
  const auto replicas = static_cast<std::uint32_t>(plan.targets[cell.target].urls.size());
  return std::make_unique<SearchSchedule>(cell, ramp, replicas);
}

/// The last level that anything was measured under.
std::uint64_t last_epoch(const Timeline& timeline) {
  std::uint64_t last = 0;
  for (const auto& [second, merged] : timeline.seconds()) {
    for (const auto& [key, stats] : merged.series) last = std::max(last, key.epoch);
  }
  return last;
}

}  // namespace

RunLoop::RunLoop(const Plan& plan, const std::vector<Cell>& cells, LoadFleet& fleet, Hooks hooks, Setup setup)
    : plan_(plan),
      cells_(cells),
      fleet_(fleet),
      hooks_(std::move(hooks)),
      least_agents_(setup.least_agents),
      timeline_(std::move(setup.past.timeline)),
      past_(std::move(setup.past)) {
  for (std::uint32_t agent = 0; agent < fleet_.agents(); ++agent) {
    timeline_.add_agent(agent, 0);
    gauges_[agent];
  }
}

Result<void> RunLoop::run() {
  std::uint64_t epoch = last_epoch(timeline_) + 1;
  std::unique_ptr<StepRunner> controller;
  Result<void> begun;
  const std::size_t together = cells_at_once();
  const auto go = [&](std::unique_ptr<Schedule> schedule, std::size_t cell_index) {
    const auto first = cells_.begin() + static_cast<std::ptrdiff_t>(cell_index);
    const std::vector<Cell> turns(first, first + static_cast<std::ptrdiff_t>(together));
    controller = std::make_unique<StepRunner>(turns, std::move(schedule), epoch);
    begun = begin(*controller);
    if (!begun) return false;
    run_controller(*controller, cell_index);
    for (const Cell& cell : turns) {
      if (auto why = controller->cut_short(); !why.empty()) cut_short_[cell.id] = std::move(why);
    }
    epoch = controller->next_epoch();
    return controller->done() && fleet_failure_.empty();
  };
  bool going = true;
  std::size_t i = 0;
  for (; i < cells_.size() && going; i += together) {
    const Cell& cell = cells_[i];
    const Ramp& ramp = plan_.scenarios[cell.scenario].ramp;
    going = go(schedule_of(plan_, cell), i);
    if (!going || given_up_ || plan_.alternate) continue;
    for (const Afterwards& stage : afterwards(ramp, rows_)) {
      if (going) going = go(std::make_unique<FixedSteps>(stage.ramp, stage.purpose), i);
    }
  }
  if (!begun) return begun;
  if (controller && controller->done()) stop_and_settle(*controller, i - together);
  return {};
}

Result<void> RunLoop::begin(StepRunner& controller) {
  windows_before_controller_ = windows_.size();
  const std::size_t before = std::min(windows_.size(), past_.windows.size());
  const std::uint32_t number = controllers_++;
  std::vector<Decision> decisions;
  for (Decision decision : past_.decisions) {
    if (decision.controller != number) continue;
    decision.rows -= std::min(before, decision.rows);
    decisions.push_back(std::move(decision));
  }
  auto replayed = controller.replay(decisions, std::span(past_.windows).subspan(before),
                                    std::span(past_.rows).subspan(before));
  if (!replayed) return replayed;
  windows_.insert(windows_.end(), controller.windows().begin(), controller.windows().end());
  const auto rows = past_.rows.begin() + static_cast<std::ptrdiff_t>(before);
  rows_.clear();
  for (std::size_t i = 0; i < controller.windows().size(); ++i) {
    if (!controller.windows()[i].agent_lost) rows_.push_back(rows[static_cast<std::ptrdiff_t>(i)]);
  }
  decisions_told_ = decisions.size();
  given_up_ = !decisions.empty() && decisions.back().given_up;
  return {};
}

void RunLoop::tell_decisions(const Controller& controller) {
  for (; decisions_told_ < controller.decisions().size(); ++decisions_told_) {
    Decision decision = controller.decisions()[decisions_told_];
    decision.controller = controllers_ - 1;
    decision.rows += windows_before_controller_;
    hooks_.on_decision(decision);
  }
}

void RunLoop::run_controller(Controller& controller, std::size_t cell_index) {
  while (!controller.done()) {
    if (hooks_.interrupts() > 0 || !fleet_failure_.empty()) break;
    if (stopped_by_ = hooks_.stop_reason(); !stopped_by_.empty()) break;
    const FleetView seen = view(cells_[controller.cell()]);
    const auto level = gathering() ? std::nullopt : controller.next(fleet_.now(), seen);
    if (level) {
      tell_decisions(controller);
      send(*level);
    }
    tick(controller, cell_index);
    judge_fleet();
    give_up_when_down(controller, cells_[controller.cell()]);
  }
  if (!controller.done()) stop_and_settle(controller, cell_index);
}

void RunLoop::send(const LoadLevel& level) {
  level_ = level;
  level_finished_.clear();
  for (auto& [agent, gauges] : gauges_) gauges.dealt = true;
  fleet_.send(level_);
}

void RunLoop::give_up_when_down(Controller& controller, const Cell& cell) {
  const Phase phase = controller.phase();
  const bool loading = phase != Phase::kPending && phase != Phase::kDrain && phase != Phase::kDone;
  if (!loading || given_up_ || !plan_.scenarios[cell.scenario].ramp.stop_when_down) return;
  if (looked_through_ == timeline_.complete_through()) return;
  looked_through_ = timeline_.complete_through();
  const auto outage = target_down(timeline_, cell.id);
  if (!outage) return;
  // Steps of so many requests end by themselves: a host that answers, if only with errors, is asked them all.
  const auto& ramp = plan_.scenarios[cell.scenario].ramp;
  const auto answered = outage->failed({Outcome::kHttp4xx, Outcome::kHttp5xx});
  if (ramp.requests && answered > 0 && answered == outage->failed()) return;
  given_up_ = true;
  send(controller.give_up(fleet_.now(), words::target_gave_only_failures()));
  tell_decisions(controller);
  hooks_.on_given_up(cell.id, outage_sentence(*outage, plan_.targets[cell.target]));
}

void RunLoop::stop_and_settle(Controller& controller, std::size_t cell_index) {
  if (!controller.done()) {
    interrupted_ = fleet_failure_.empty() && stopped_by_.empty();
    controller.interrupt(fleet_.now());
  }
  const Nanos stopped = fleet_.now();
  fleet_.drain(kStopLimit);
  while (fleet_.now() < stopped + kStopLimit + kSettleLimit && !gauges_.empty() && hooks_.interrupts() < 2 &&
         !fleet_.drained()) {
    tick(controller, cell_index);
  }
  // What is not complete by now will not be: the rows say so.
  measure_windows(controller, true);
}

void RunLoop::tick(Controller& controller, std::size_t cell_index) {
  // First all that has come, then one look at it: the look takes the longer the more agents there are.
  const Nanos until = fleet_.now() + kTick;
  // A batch can wait for it; anything else is looked at as soon as nothing more has come.
  bool waits = true;
  for (auto event = fleet_.wait(kTick); event; event = fleet_.wait(waits ? until - fleet_.now() : Nanos(0))) {
    waits = waits && std::holds_alternative<BatchArrived>(*event);
    take(*event, controller);
    if (fleet_.now() >= until) break;
  }
  measure_windows(controller, false);
  Progress progress{.now = fleet_.now(),
                    .cell = controller.cell(),
                    .phase = controller.phase(),
                    .step = controller.step_index(),
                    .step_count = controller.step_count(),
                    .concurrency = controller.concurrency(),
                    .rate = controller.rate(),
                    .time_left = controller.time_left(fleet_.now())};
  progress.in_flight = in_flight();
  for (const auto& [agent, gauges] : gauges_) progress.backing_off += gauges.backing_off;
  const std::size_t together = cells_at_once();
  for (std::size_t i = cell_index + together; i < cells_.size() && progress.time_left; i += together) {
    const auto later = schedule_of(plan_, cells_[i]);
    const auto left = later->max_duration() ? later->max_duration() : later->later();
    progress.time_left = left ? std::optional(*progress.time_left + *left) : std::nullopt;
  }
  hooks_.on_progress(progress);
}

void RunLoop::take(const FleetEvent& event, Controller& controller) {
  if (const auto* arrived = std::get_if<BatchArrived>(&event)) {
    timeline_.add(arrived->agent, arrived->batch);
    if (const auto gauges = gauges_.find(arrived->agent); gauges != gauges_.end()) {
      gauges->second = {.complete_through = arrived->batch.complete_through,
                        .in_flight = arrived->batch.in_flight,
                        .in_flight_beside = arrived->batch.in_flight_beside,
                        .backing_off = arrived->batch.backing_off,
                        .active_slots = arrived->batch.active_slots,
                        .dealt = gauges->second.dealt};
    }
    hooks_.on_batch(*arrived);
  } else if (const auto* finished = std::get_if<LevelFinished>(&event)) {
    take_level_finished(*finished, controller);
  } else if (const auto* joined = std::get_if<AgentJoined>(&event)) {
    ++fleet_changes_;
    timeline_.add_agent(joined->agent, joined->from);
    gauges_[joined->agent].complete_through = joined->from - 1;
    hooks_.on_agent_joined(*joined);
  } else if (const auto* lost = std::get_if<AgentLost>(&event)) {
    take_loss(*lost, controller);
  }
}

void RunLoop::take_level_finished(const LevelFinished& finished, Controller& controller) {
  if (finished.epoch != level_.epoch || !gauges_.contains(finished.agent)) return;
  level_finished_[finished.agent] = finished.finished_at;
  const auto dealt = std::count_if(gauges_.begin(), gauges_.end(), [](auto& g) { return g.second.dealt; });
  if (level_finished_.size() < static_cast<std::size_t>(dealt)) return;
  Nanos last{0};
  for (const auto& [agent, at] : level_finished_) last = std::max(last, at);
  controller.level_done(finished.epoch, last);
}

void RunLoop::take_loss(const AgentLost& lost, Controller& controller) {
  ++fleet_changes_;
  if (!gathering()) gather_until_ = fleet_.now() + lease::kGather;
  lost_load_until_ = std::max(lost_load_until_, lost.load_until);
  timeline_.lose_agent(lost.agent, lost.until);
  const Gauges gauges = gauges_[lost.agent];
  gauges_.erase(lost.agent);
  level_finished_.erase(lost.agent);
  hooks_.on_agent_lost(lost);
  const bool again = !gauges.dealt || controller.lose_agent(fleet_.now(), gauges.complete_through);
  if (controller.done() || interrupted_ || !stopped_by_.empty()) return;  // nothing is missing, or it ends
  if (plan_.stop_when_agent_lost) {
    fleet_failure_ = words::agent_lost_and_told_to_stop();
  } else if (!again) {
    fleet_failure_ = words::lost_an_agent_each_time(StepRunner::kMostReruns + 1);
  }
}

bool RunLoop::gathering() const {
  return fleet_.now() < gather_until_ && fleet_.gathering();
}

void RunLoop::judge_fleet() {
  if (!fleet_failure_.empty() || gauges_.size() >= least_agents_ || gathering()) return;
  fleet_failure_ =
      gauges_.empty() ? words::no_agent_left() : words::too_few_agents(gauges_.size(), least_agents_);
}

void RunLoop::measure_windows(Controller& controller, bool final) {
  const auto& fixed = controller.windows();
  for (std::size_t i = windows_.size() - windows_before_controller_; i < fixed.size(); ++i) {
    if (!final && timeline_.complete_through() + 1 < fixed[i].end) break;
    windows_.push_back(fixed[i]);
    const Step step = measure_step(timeline_, plan_, cells_[fixed[i].cell], fixed[i]);
    controller.measured(i, step);
    if (!fixed[i].agent_lost) rows_.push_back(step);
    // One behind: the live figures look back a few seconds.
    if (i > 0 && fixed[i - 1].grain > 1)
      timeline_.fold(fixed[i - 1].begin, fixed[i - 1].end, fixed[i - 1].grain);
    hooks_.on_step(fixed[i], step);
  }
}

FleetView RunLoop::view(const Cell& cell) const {
  double sum = 0;
  double count = 0;
  const auto& seconds = timeline_.seconds();
  const std::int64_t since = timeline_.complete_through() - kResidenceSeconds;
  for (auto at = seconds.upper_bound(since); at != seconds.end(); ++at) {
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell.id) continue;
      sum += stats.e2e.sum_seconds();
      count += static_cast<double>(stats.e2e.count());
    }
  }
  return {.residence = count > 0 ? std::optional(from_seconds(sum / count)) : std::nullopt,
          .idle = level_.concurrency == 0 && idle_since(level_.effective_at),
          .slots_in_flight = slots_in_flight(),
          .agents = static_cast<std::uint32_t>(fleet_.agents()),
          .fleet = fleet_changes_,
          .not_before = lost_load_until_,
          .timeline = &timeline_,
          .measure = [this](const StepWindow& window) {
            return measure_step(timeline_, plan_, cells_[window.cell], window);
          }};
}

std::uint32_t RunLoop::in_flight() const {
  std::uint32_t sum = 0;
  for (const auto& [agent, gauges] : gauges_) sum += gauges.in_flight;
  return sum;
}

std::uint32_t RunLoop::slots_in_flight() const {
  std::uint32_t sum = 0;
  for (const auto& [agent, gauges] : gauges_)
    sum += gauges.in_flight - std::min(gauges.in_flight_beside, gauges.in_flight);
  return sum;
}

bool RunLoop::idle_since(Nanos instant) const {
  const std::int64_t second = second_of(instant);
  return std::all_of(gauges_.begin(), gauges_.end(), [&](const auto& entry) {
    const Gauges& gauges = entry.second;
    return gauges.active_slots == 0 && gauges.in_flight == 0 && gauges.complete_through >= second;
  });
}

}  // namespace kneepoint::coordinator
