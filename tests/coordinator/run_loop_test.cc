#include "coordinator/run/run_loop.h"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <string>
#include <utility>
#include <variant>

#include "common/lease.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// A fleet in virtual time: every wait moves the clock, every second each agent hands over one batch in which
/// its slots have each completed two requests of half a second.
class VirtualFleet final : public LoadFleet {
 public:
  /// @param begun how far the run's time has come when the load begins.
  explicit VirtualFleet(std::uint32_t agents, Nanos begun = Nanos(0))
      : agents_(agents), live_(agents), now_(begun - 500ms) {
    std::iota(live_.begin(), live_.end(), 0);
  }

  std::size_t agents() const override { return live_.size(); }
  bool gathering() const override { return now_ >= gathers_from_ && now_ < gathers_until_; }
  Nanos now() const override { return now_; }

  std::optional<FleetEvent> wait(Nanos timeout) override {
    if (!events_.empty()) {
      FleetEvent event = std::move(events_.front());
      events_.pop_front();
      return event;
    }
    const auto before = std::chrono::floor<std::chrono::seconds>(now_);
    now_ += timeout;
    if (level_ && now_ >= level_->effective_at) {
      running_ = *level_;
      sharing_ = level_sharing_;
    }
    const auto after = std::chrono::floor<std::chrono::seconds>(now_);
    if (after > before) end_second(before.count());
    if (join_at_ && now_ >= *join_at_) {
      join_at_.reset();
      live_.push_back(agents_);
      events_.push_back(AgentJoined{.agent = agents_++, .from = second_of(now_) + 1});
    }
    if (!losses_.empty() && now_ >= losses_.front().at) {
      const std::uint32_t lost = live_.back();
      live_.pop_back();
      const Nanos load_until = std::max(now_, losses_.front().load_until);
      events_.push_back(AgentLost{
          .agent = lost, .reason = "killed", .until = second_of(load_until) + 1, .load_until = load_until});
      losses_.pop_front();
    }
    return std::nullopt;
  }

  void send(const LoadLevel& level) override {
    level_ = level;
    level_sharing_ = static_cast<std::uint32_t>(live_.size());
    sent.push_back(level);
  }

  void drain(Nanos) override {
    drained_second_ = second_of(now_);
    running_ = LoadLevel{};
    level_.reset();
  }

  /// The last batches come with the end of the second in which the load ended.
  bool drained() const override {
    return drained_second_ && events_.empty() && second_of(now_) > *drained_second_;
  }

  /// The last agent that is left is lost, after the others that are to be lost. Its load may go on for a
  /// while.
  void lose_one_at(Nanos at, Nanos load_until = Nanos(0)) { losses_.push_back({at, load_until}); }
  /// One more agent is ready.
  void add_one_at(Nanos at) { join_at_ = at; }
  /// From then on, until, those that were lost are on their way back.
  void gather(Nanos from, Nanos until) { gathers_from_ = from, gathers_until_ = until; }
  /// Nothing is taken, and nobody looks, for so long: the coordinator is stopped, the agents go on.
  void stop_coordinator(Nanos length) {
    for (const Nanos until = now_ + length; now_ < until;) {
      const auto before = std::chrono::floor<std::chrono::seconds>(now_);
      now_ += 50ms;
      if (std::chrono::floor<std::chrono::seconds>(now_) > before) end_second(before.count());
    }
  }
  /// From then on every request is refused a connection.
  void host_dies_at(Nanos at) { dies_at_ = at; }

  std::vector<LoadLevel> sent;

 private:
  static std::int64_t second_of(Nanos t) { return std::chrono::floor<std::chrono::seconds>(t).count(); }

  void end_second(std::int64_t second) {
    for (std::uint32_t rank = 0; rank < live_.size(); ++rank) {
      const std::uint32_t agent = live_[rank];
      SecondSnapshot part{.second = second};
      const std::uint32_t slots = rank >= sharing_ ? 0
                                                   : running_.concurrency / sharing_ +
                                                         (rank < running_.concurrency % sharing_ ? 1 : 0);
      SeriesStats& stats = part.series[SeriesKey{.cell = running_.cell, .epoch = running_.epoch}];
      if (dies_at_ && now_ > *dies_at_) {
        stats.outcomes[static_cast<std::size_t>(Outcome::kConnect)] = slots;
      } else {
        stats.outcomes[0] = 2 * slots;
        stats.e2e.record(500ms, 2 * slots);
        stats.in_flight = slots;
      }
      events_.push_back(BatchArrived{
          agent,
          SnapshotBatch{
              .complete_through = second, .seconds = {part}, .in_flight = slots, .active_slots = slots}});
      if (running_.budget && running_.epoch != done_epoch_) {
        events_.push_back(LevelFinished{agent, running_.epoch, running_.effective_at + 700ms});
        if (rank + 1 == live_.size()) done_epoch_ = running_.epoch;
      }
    }
  }

  std::uint32_t agents_;  // that there ever were
  std::vector<std::uint32_t> live_;
  Nanos gathers_from_ = Nanos::max(), gathers_until_ = Nanos::max();
  std::uint32_t sharing_ = 1, level_sharing_ = 1;  // how many agents share the level
  Nanos now_;
  std::optional<LoadLevel> level_;
  LoadLevel running_;
  std::uint64_t done_epoch_ = 0;
  std::optional<std::int64_t> drained_second_;
  struct Loss {
    Nanos at, load_until;
  };
  std::deque<Loss> losses_;
  std::optional<Nanos> join_at_, dies_at_;
  std::deque<FleetEvent> events_;
};

Plan plan_of(std::vector<Ramp> ramps) {
  Plan plan;
  plan.targets = {{.name = "host"}};
  for (Ramp& ramp : ramps) plan.scenarios.push_back({.name = "s", .ramp = std::move(ramp)});
  return plan;
}

struct VirtualRun {
  VirtualRun(Plan the_plan, std::uint32_t agents, std::size_t the_least = 1)
      : plan(std::move(the_plan)), fleet(agents), least(the_least) {}

  RunLoop& go(RunLoop::Hooks hooks = {}) {
    hooks.on_step = [this](const StepWindow& window, const Step&) { reported.push_back(window); };
    loop.emplace(plan, cells, fleet, std::move(hooks), RunLoop::Setup{.least_agents = least});
    EXPECT_TRUE(loop->run());
    return *loop;
  }

  Plan plan;
  std::vector<Cell> cells = cells_of(plan);
  VirtualFleet fleet;
  std::size_t least;
  std::vector<StepWindow> reported;
  std::optional<RunLoop> loop;
};

/// What a coordinator would have recorded, entry by entry.
struct Tape {
  struct Row {
    StepWindow window;
    Step step;
  };
  std::vector<std::variant<BatchArrived, Row, Decision, AgentLost>> entries;

  RunLoop::Hooks hooks() {
    RunLoop::Hooks hooks;
    hooks.on_batch = [this](std::uint32_t agent, const SnapshotBatch& batch) {
      entries.emplace_back(BatchArrived{agent, batch});
    };
    hooks.on_step = [this](const StepWindow& window, const Step& step) {
      entries.emplace_back(Row{window, step});
    };
    hooks.on_decision = [this](const Decision& decision) { entries.emplace_back(decision); };
    hooks.on_agent_lost = [this](const AgentLost& lost) { entries.emplace_back(lost); };
    return hooks;
  }

  /// As it stands where the coordinator was killed behind entry number `end`.
  /// @param past what its own coordinator began from.
  RunPast past(std::size_t end, std::uint32_t agents, RunPast past = {}) const {
    for (std::uint32_t agent = 0; agent < agents; ++agent) past.timeline.add_agent(agent, 0);
    for (std::size_t i = 0; i < end; ++i) {
      if (const auto* batch = std::get_if<BatchArrived>(&entries[i])) {
        past.timeline.add(batch->agent, batch->batch);
      } else if (const auto* row = std::get_if<Row>(&entries[i])) {
        past.windows.push_back(row->window);
        past.rows.push_back(row->step);
      } else if (const auto* lost = std::get_if<AgentLost>(&entries[i])) {
        past.timeline.lose_agent(lost->agent, lost->until);
      } else {
        past.decisions.push_back(std::get<Decision>(entries[i]));
      }
    }
    trim(past);
    return past;
  }
};

/// What a run measured, whenever it did.
std::vector<std::string> loads_of(const std::vector<StepWindow>& windows) {
  std::vector<std::string> loads;
  for (const StepWindow& window : windows) {
    loads.push_back("cell " + std::to_string(window.cell) + ", " + std::to_string(window.concurrency) +
                    " for the time no. " + std::to_string(window.attempt) + ", role " +
                    std::to_string(static_cast<int>(window.role)) + (window.requests ? ", by requests" : ""));
  }
  return loads;
}

/// Every kind of schedule: fixed steps with what comes after them, requests, a load that moves, one for long,
/// and a search.
Plan plan_of_all_kinds() {
  return plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 3s, .descend = true, .proof = {1, 2}},
                  {.steps = {2, 3}, .requests = 10},
                  {.steps = {3, 5, 7}, .warmup = 1s, .hold = 4s, .linear = LinearRamp{2, 8, 12s}},
                  {.steps = {4}, .warmup = 1s, .hold = 18s, .soak = true},
                  {.warmup = 1s, .hold = 5s, .search = Search{.max = 16}}});
}

TEST(RunLoop, WhereverACoordinatorIsKilledAnotherGoesOnAndWhatWasClosedStays) {
  const Plan plan = plan_of_all_kinds();
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(2);
  RunLoop whole(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(whole.run());
  const std::vector<std::string> loads = loads_of(whole.windows());
  ASSERT_GT(loads.size(), 15u);
  for (std::size_t end = 0; end <= tape.entries.size(); ++end) {
    SCOPED_TRACE("killed behind entry " + std::to_string(end));
    RunPast past = tape.past(end, 2);
    const RunPast before = past;
    const std::int64_t begun = past.timeline.complete_through() + 30;
    past.timeline.resume(begun);
    VirtualFleet again(2, std::chrono::seconds(begun));
    RunLoop loop(plan, cells, again, {}, {.past = std::move(past)});
    ASSERT_TRUE(loop.run());
    ASSERT_EQ(loads_of(loop.windows()), loads);
    for (std::size_t i = 0; i < loop.windows().size(); ++i) {
      const StepWindow& window = loop.windows()[i];
      if (i < before.windows.size()) {
        EXPECT_EQ(window.begin, before.windows[i].begin);
        EXPECT_EQ(window.epoch, before.windows[i].epoch);
      } else {
        EXPECT_GE(window.begin, begun) << "no window lies in the gap, or over it";
      }
      EXPECT_TRUE(loop.timeline().complete(window.begin, window.end));
    }
  }
}

TEST(RunLoop, WhereverACoordinatorIsKilledAfterALossEveryStepStandsOnceInTheEnd) {
  const Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 4s}});
  const std::vector<Cell> cells = cells_of(plan);
  bool late = false;  // known only when nothing seemed to be left to decide
  for (Nanos lost_at = 2s; lost_at < 16s; lost_at += 100ms) {
    Tape tape;
    VirtualFleet fleet(2);
    fleet.lose_one_at(lost_at);
    RunLoop whole(plan, cells, fleet, tape.hooks());
    ASSERT_TRUE(whole.run());
    bool ended = false;
    for (const auto& entry : tape.entries) {
      const auto* decision = std::get_if<Decision>(&entry);
      late = late || (ended && decision && decision->again);
      ended = ended || (decision && decision->ended);
    }
    for (std::size_t end = 0; end <= tape.entries.size(); ++end) {
      SCOPED_TRACE("lost at " + std::to_string(lost_at / 1ms) + " ms, killed behind entry " +
                   std::to_string(end));
      RunPast past = tape.past(end, 2);
      const std::int64_t begun = std::max<std::int64_t>(past.timeline.complete_through(), 0) + 30;
      past.timeline.resume(begun);
      VirtualFleet again(1, std::chrono::seconds(begun));
      RunLoop loop(plan, cells, again, {}, {.past = std::move(past)});
      ASSERT_TRUE(loop.run());
      std::vector<std::uint32_t> stand;
      for (const StepWindow& window : loop.windows()) {
        if (!window.agent_lost) stand.push_back(window.concurrency);
      }
      ASSERT_EQ(stand, (std::vector<std::uint32_t>{2, 4}));
    }
  }
  EXPECT_TRUE(late);
}

TEST(RunLoop, ARunIsGoneOnWithMoreThanOnce) {
  const Plan plan = plan_of_all_kinds();
  const std::vector<Cell> cells = cells_of(plan);
  Tape whole;
  VirtualFleet fleet(2);
  RunLoop first(plan, cells, fleet, whole.hooks());
  ASSERT_TRUE(first.run());
  // Each coordinator gets some entries further than the one before.
  RunPast past;
  std::int64_t begun = 0;
  std::size_t lives = 0;
  for (; lives < 100; ++lives) {
    Tape tape;
    VirtualFleet again(2, std::chrono::seconds(begun));
    RunLoop loop(plan, cells, again, tape.hooks(), {.past = past});
    ASSERT_TRUE(loop.run());
    if (tape.entries.size() < 90) {
      EXPECT_EQ(loads_of(loop.windows()), loads_of(first.windows()));
      break;
    }
    past = tape.past(90, 2, past);
    begun = past.timeline.complete_through() + 5;
    past.timeline.resume(begun);
  }
  EXPECT_GT(lives, 2u);
  EXPECT_LT(lives, 100u);
}

TEST(RunLoop, ARowThatWasCutShortIsMeasuredAgain) {
  const Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 10s}});
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(2);
  RunLoop::Hooks hooks = tape.hooks();
  hooks.interrupts = [&] { return fleet.now() > 18s ? 1 : 0; };
  RunLoop interrupted(plan, cells, fleet, std::move(hooks));
  ASSERT_TRUE(interrupted.run());
  ASSERT_EQ(interrupted.windows().size(), 2u);
  RunPast past = tape.past(tape.entries.size(), 2);
  ASSERT_EQ(past.windows.size(), 1u);
  past.timeline.resume(60);
  VirtualFleet again(2, 60s);
  RunLoop loop(plan, cells, again, {}, {.past = std::move(past)});
  ASSERT_TRUE(loop.run());
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_FALSE(loop.windows()[1].interrupted);
  EXPECT_EQ(loop.windows()[1].end - loop.windows()[1].begin, 10);
}

TEST(RunLoop, AScenarioThatWasGivenUpIsNotTriedAgain) {
  const Plan plan = plan_of({{.steps = {2, 4, 8, 16, 32}, .warmup = 1s, .hold = 5s, .descend = true},
                             {.steps = {8}, .warmup = 1s, .hold = 5s}});
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(1);
  fleet.host_dies_at(8s);
  RunLoop first(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(first.run());
  RunPast past = tape.past(tape.entries.size(), 1);
  const std::size_t rows = past.windows.size();
  past.timeline.resume(100);
  VirtualFleet again(1, 100s);
  RunLoop loop(plan, cells, again, {}, {.past = std::move(past)});
  ASSERT_TRUE(loop.run());
  EXPECT_EQ(loop.cut_short(), first.cut_short());
  EXPECT_EQ(loop.windows().size(), rows);
}

TEST(RunLoop, ThePastOfAnotherPlanIsNotGoneOnWith) {
  const Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}});
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(1);
  RunLoop first(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(first.run());
  RunPast past = tape.past(tape.entries.size(), 1);
  past.timeline.resume(60);
  const Plan other = plan_of({{.steps = {3, 4}, .warmup = 1s, .hold = 3s}});
  VirtualFleet again(1, 60s);
  RunLoop loop(other, cells, again, {}, {.past = std::move(past)});
  EXPECT_FALSE(loop.run());
  EXPECT_TRUE(again.sent.empty());
}

TEST(RunLoop, AScenarioWhoseTargetIsDownEndsEarlyAndTheNextOneIsTried) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8, 16, 32}, .warmup = 1s, .hold = 5s},
                          {.steps = {8}, .warmup = 1s, .hold = 30s}}),
                 2);
  run.fleet.host_dies_at(8s);
  std::vector<std::uint32_t> given_up;
  RunLoop::Hooks hooks;
  hooks.on_given_up = [&](std::uint32_t cell, const std::string&) { given_up.push_back(cell); };
  const RunLoop& loop = run.go(hooks);
  EXPECT_EQ(given_up, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_FALSE(loop.interrupted()) << "nobody asked for it";
  ASSERT_EQ(loop.cut_short().count(0), 1u);
  std::vector<std::uint32_t> concurrency;
  for (const LoadLevel& level : run.fleet.sent) concurrency.push_back(level.concurrency);
  EXPECT_EQ(concurrency, (std::vector<std::uint32_t>{2, 4, 8, 16, 0, 8, 0}));
  EXPECT_TRUE(run.fleet.drained());
  EXPECT_LT(run.fleet.now(), 45s);
}

TEST(RunLoop, APlanMayGoOnWithATargetThatIsDown) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8, 16}, .warmup = 1s, .hold = 5s, .stop_when_down = false}}), 1);
  run.fleet.host_dies_at(8s);
  EXPECT_EQ(run.go().windows().size(), 4u);
  EXPECT_TRUE(run.loop->cut_short().empty());
}

TEST(RunLoop, RunsEveryStepOfEveryCellAndDrainsInBetween) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  const RunLoop& loop = run.go();
  EXPECT_FALSE(loop.interrupted());
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(loop.windows().size(), 3u);
  EXPECT_EQ(run.reported.size(), 3u);
  std::vector<std::uint32_t> concurrency;
  for (const LoadLevel& level : run.fleet.sent) concurrency.push_back(level.concurrency);
  EXPECT_EQ(concurrency, (std::vector<std::uint32_t>{2, 4, 0, 8, 0}));
  EXPECT_TRUE(run.fleet.drained());
  for (const StepWindow& window : loop.windows()) {
    EXPECT_TRUE(loop.timeline().complete(window.begin, window.end));
    EXPECT_EQ(window.end - window.begin, 3);
  }
}

TEST(RunLoop, ABudgetEndsTheStepWhenTheLastAgentIsDone) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}}), 2);
  const RunLoop& loop = run.go();
  ASSERT_EQ(loop.windows().size(), 1u);
  EXPECT_EQ(loop.windows()[0].requests, 10u);
  EXPECT_EQ(loop.windows()[0].finished_at, run.fleet.sent[0].effective_at + 700ms);
}

TEST(RunLoop, AnInterruptDrainsAndKeepsWhatWasMeasured) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 30s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  RunLoop::Hooks hooks;
  hooks.interrupts = [&] { return run.fleet.now() > 12s ? 1 : 0; };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_TRUE(loop.interrupted());
  ASSERT_EQ(loop.windows().size(), 1u);
  EXPECT_TRUE(loop.windows()[0].interrupted);
  EXPECT_TRUE(loop.timeline().complete(loop.windows()[0].begin, loop.windows()[0].end));
  EXPECT_TRUE(run.fleet.drained());
}

std::vector<std::uint32_t> concurrencies(const VirtualRun& run) {
  std::vector<std::uint32_t> all;
  for (const LoadLevel& level : run.fleet.sent) all.push_back(level.concurrency);
  return all;
}

TEST(RunLoop, AStepThatLosesAnAgentIsRunAgainByTheOthers) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 2);
  run.fleet.lose_one_at(9s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "");
  EXPECT_FALSE(loop.interrupted());
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  ASSERT_EQ(loop.windows().size(), 4u);
  const StepWindow &before = loop.windows()[0], &lost = loop.windows()[1], &again = loop.windows()[2];
  EXPECT_FALSE(before.agent_lost);
  EXPECT_TRUE(lost.agent_lost);
  EXPECT_LT(lost.end - lost.begin, 4) << "what was measured until the loss";
  EXPECT_FALSE(again.agent_lost);
  EXPECT_EQ(again.concurrency, 4u);
  EXPECT_EQ(again.end - again.begin, 4);
  EXPECT_GT(again.attempt, lost.attempt) << "other requests: these would come out of a cache";
  EXPECT_TRUE(loop.timeline().complete(again.begin, again.end)) << "nothing is expected from who is gone";
  EXPECT_TRUE(run.fleet.drained());
}

TEST(RunLoop, NoLoadIsDealtAnewBeforeTheLostAgentsHasSurelyEnded) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 2);
  run.fleet.lose_one_at(9s, 17300ms);
  run.go();
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  EXPECT_EQ(run.fleet.sent[2].effective_at, 18s);
}

TEST(RunLoop, TheNextScenarioDoesNotBeginBeforeItEither) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}, {.steps = {3}, .warmup = 1s, .hold = 3s}}), 2);
  run.fleet.lose_one_at(2900ms, 20s);  // while the first is drained
  run.go();
  ASSERT_GE(run.fleet.sent.size(), 2u);
  EXPECT_EQ(run.fleet.sent.back().concurrency, 0u);
  for (const LoadLevel& level : run.fleet.sent) {
    if (level.concurrency != 3) continue;
    EXPECT_GE(level.effective_at, 20s);
  }
}

TEST(RunLoop, ABudgetIsSpentAgainByTheOthers) {
  VirtualRun run(plan_of({{.steps = {2}, .requests = 10}}), 2);
  run.fleet.lose_one_at(300ms);
  const RunLoop& loop = run.go();
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_TRUE(loop.windows()[0].agent_lost);
  EXPECT_FALSE(loop.windows()[1].agent_lost);
  EXPECT_EQ(loop.windows()[1].requests, 10u);
  EXPECT_EQ(loop.fleet_failure(), "");
}

TEST(RunLoop, APlanMayStopAtALoss) {
  Plan plan = plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}});
  plan.stop_when_agent_lost = true;
  VirtualRun run(std::move(plan), 2);
  run.fleet.lose_one_at(9s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "an agent was lost, and the plan says on_agent_lost: stop");
  EXPECT_FALSE(loop.interrupted());
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_FALSE(loop.windows()[0].agent_lost);
  EXPECT_TRUE(loop.windows()[1].agent_lost);
  EXPECT_TRUE(run.fleet.drained());
}

TEST(RunLoop, WithFewerThanTheLeastTheRunEnds) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 3, 2);
  run.fleet.lose_one_at(4s);
  run.fleet.lose_one_at(13s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "1 of at least 2 agents were left");
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 2, 4}));
}

TEST(RunLoop, WithNobodyLeftTheRunEndsAtOnce) {
  VirtualRun run(plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(4s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "no agent was left");
  EXPECT_LT(run.fleet.now(), 5s);
}

TEST(RunLoop, ThoseThatComeBackAfterALossAreWaitedForAndShareTheRerun) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(9s);
  run.fleet.gather(9s, 14s);
  run.fleet.add_one_at(12s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 4, 8, 0}));
  EXPECT_GE(run.fleet.sent[2].effective_at, 14s) << "others may still be on their way";
  ASSERT_EQ(loop.windows().size(), 4u);
  EXPECT_TRUE(loop.windows()[1].agent_lost);
  EXPECT_FALSE(loop.windows()[2].agent_lost);
  EXPECT_TRUE(loop.timeline().complete(loop.windows()[2].begin, loop.windows()[2].end));
}

TEST(RunLoop, NobodyIsWaitedForWithoutAnEnd) {
  VirtualRun run(plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.lose_one_at(4s);
  run.fleet.gather(4s, Nanos::max());
  EXPECT_EQ(run.go().fleet_failure(), "no agent was left");
  EXPECT_GE(run.fleet.now(), 4s + lease::kGather);
  EXPECT_LT(run.fleet.now(), 5s + lease::kGather);
}

TEST(RunLoop, ACoordinatorThatWasAwayMeasuresNoStepBeforeItsLevel) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 2s}}), 2);
  RunLoop::Hooks hooks;
  hooks.on_progress = [&, stopped = false](const Progress& progress) mutable {
    if (progress.now > 2200ms && !std::exchange(stopped, true)) run.fleet.stop_coordinator(7s);
  };
  const RunLoop& loop = run.go(std::move(hooks));
  ASSERT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  EXPECT_GT(run.fleet.sent[1].effective_at, 9s);
  ASSERT_EQ(loop.windows().size(), 3u);
  for (const StepWindow& window : loop.windows()) {
    EXPECT_GE(std::chrono::seconds(window.begin), window.level_at + 1s);
    EXPECT_EQ(window.end - window.begin, 2);
  }
}

TEST(RunLoop, AnAgentThatJoinsGetsLoadWithTheNextLevel) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.add_one_at(7500ms);
  std::vector<std::uint32_t> joined;
  RunLoop::Hooks hooks;
  hooks.on_agent_joined = [&](const AgentJoined& event) { joined.push_back(event.agent); };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_EQ(joined, (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  ASSERT_EQ(loop.windows().size(), 3u);
  EXPECT_EQ(run.fleet.sent[1].warm_slots, 2u);
  EXPECT_EQ(run.fleet.sent[2].warm_slots, 0u) << "dealt anew";
  for (const StepWindow& window : loop.windows()) {
    EXPECT_FALSE(window.agent_lost);
    EXPECT_TRUE(loop.timeline().complete(window.begin, window.end));
  }
}

TEST(RunLoop, OneThatIsLostBeforeItHadLoadCostsNoStep) {
  VirtualRun run(plan_of({{.steps = {2, 4, 8}, .warmup = 1s, .hold = 4s}}), 1);
  run.fleet.add_one_at(7500ms);
  run.fleet.lose_one_at(8500ms);
  const RunLoop& loop = run.go();
  EXPECT_EQ(concurrencies(run), (std::vector<std::uint32_t>{2, 4, 8, 0}));
  EXPECT_EQ(loop.fleet_failure(), "");
}

TEST(RunLoop, AStepIsRunAgainOnlySoOften) {
  VirtualRun run(plan_of({{.steps = {8}, .warmup = 1s, .hold = 20s}}), 8);
  for (int i = 1; i <= 5; ++i) run.fleet.lose_one_at(i * 10s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "a step lost an agent each time it was run, 4 times in all");
  EXPECT_EQ(run.fleet.sent.size(), 4u);
}

TEST(RunLoop, AgentsThatAreLostTogetherCostOneRerun) {
  VirtualRun run(plan_of({{.steps = {8}, .warmup = 1s, .hold = 20s}}), 8);
  for (int i = 0; i < 6; ++i) run.fleet.lose_one_at(10s + i * 100ms, 19s);
  const RunLoop& loop = run.go();
  EXPECT_EQ(loop.fleet_failure(), "");
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_TRUE(loop.windows()[0].agent_lost);
  EXPECT_FALSE(loop.windows()[1].agent_lost);
}

TEST(RunLoop, ProgressNamesThePhaseAndTheTimeLeft) {
  VirtualRun run(
      plan_of({{.steps = {2}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 1);
  std::optional<Nanos> at_start;
  std::set<Phase> phases;
  RunLoop::Hooks hooks;
  hooks.on_progress = [&](const Progress& progress) {
    if (!at_start) at_start = progress.time_left;
    phases.insert(progress.phase);
  };
  run.go(std::move(hooks));
  ASSERT_TRUE(at_start);
  EXPECT_GE(*at_start, 8s);
  EXPECT_TRUE(phases.contains(Phase::kWarmUp));
  EXPECT_TRUE(phases.contains(Phase::kHold));
}

TEST(RunLoop, AReasonToStopEndsTheRunInOrder) {
  VirtualRun run(
      plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {8}, .warmup = 1s, .hold = 3s}}), 2);
  RunLoop::Hooks hooks;
  hooks.stop_reason = [&] { return std::string(run.fleet.now() > 7s ? "too hot" : ""); };
  const RunLoop& loop = run.go(std::move(hooks));
  EXPECT_EQ(loop.stopped_by(), "too hot");
  EXPECT_FALSE(loop.interrupted()) << "the user did not ask";
  ASSERT_EQ(loop.windows().size(), 2u);
  EXPECT_FALSE(loop.windows()[0].interrupted);
  EXPECT_TRUE(loop.windows()[1].interrupted);
}

/// Two targets that take turns over two scenarios.
Plan plan_of_turns() {
  Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}, {.steps = {3}, .requests = 10}});
  plan.targets.push_back({.name = "other"});
  for (std::size_t i = 0; i < plan.scenarios.size(); ++i) {
    plan.scenarios[i].name += std::to_string(i);
    plan.scenarios[i].targets = {"host", "other"};
  }
  plan.alternate = true;
  return plan;
}

TEST(RunLoop, TargetsThatAlternateTakeEveryStepInTurn) {
  VirtualRun run(plan_of_turns(), 2);
  run.go();
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rows;
  for (const StepWindow& window : run.reported) rows.emplace_back(window.cell, window.concurrency);
  EXPECT_EQ(
      rows,
      (std::vector<std::pair<std::uint32_t, std::uint32_t>>{
          {0, 2}, {1, 2}, {1, 2}, {0, 2}, {0, 4}, {1, 4}, {1, 4}, {0, 4}, {2, 3}, {3, 3}, {3, 3}, {2, 3}}));
}

TEST(RunLoop, OneThatAlternatesGoesOnWhereverItWasKilled) {
  const Plan plan = plan_of_turns();
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(2);
  RunLoop whole(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(whole.run());
  for (std::size_t end = 0; end <= tape.entries.size(); ++end) {
    SCOPED_TRACE("killed behind entry " + std::to_string(end));
    RunPast past = tape.past(end, 2);
    const std::int64_t begun = past.timeline.complete_through() + 30;
    past.timeline.resume(begun);
    VirtualFleet again(2, std::chrono::seconds(begun));
    RunLoop loop(plan, cells, again, {}, {.past = std::move(past)});
    ASSERT_TRUE(loop.run());
    ASSERT_EQ(loads_of(loop.windows()), loads_of(whole.windows()));
  }
}

TEST(RunLoop, WhereOneOfThemIsDownBothEnd) {
  Plan plan = plan_of_turns();
  plan.scenarios[0].ramp.hold = 15s;
  VirtualRun run(plan, 1);
  run.fleet.host_dies_at(2s);
  std::vector<std::uint32_t> ended;
  RunLoop::Hooks hooks;
  hooks.on_given_up = [&](std::uint32_t cell, const std::string&) { ended.push_back(cell); };
  const RunLoop& loop = run.go(std::move(hooks));
  ASSERT_FALSE(ended.empty());
  EXPECT_EQ(ended.front(), 0u);
  EXPECT_TRUE(loop.cut_short().contains(0));
  EXPECT_TRUE(loop.cut_short().contains(1));
}

}  // namespace
}  // namespace kneepoint::coordinator
