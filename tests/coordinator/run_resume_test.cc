#include "coordinator/run/run_loop.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "tests/coordinator/virtual_fleet.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using scenes::plan_of;
using scenes::plan_of_turns;
using scenes::VirtualFleet;

/// What a coordinator would have recorded, entry by entry.
struct Tape {
  struct Row {
    StepWindow window;
    Step step;
  };
  std::vector<std::variant<BatchArrived, Row, Decision, AgentLost>> entries;

  RunLoop::Hooks hooks() {
    RunLoop::Hooks hooks;
    hooks.on_batch = [this](const BatchArrived& arrived) { entries.emplace_back(arrived); };
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

/// The coordinator that goes on with a run when it is `begun` seconds old.
struct Next {
  Next(const Plan& plan, const std::vector<Cell>& cells, std::uint32_t agents, RunPast past,
       std::int64_t begun)
      : fleet(agents, std::chrono::seconds(begun)),
        loop(plan, cells, fleet, {}, {.past = resumed(std::move(past), begun)}) {}

  static RunPast resumed(RunPast past, std::int64_t begun) {
    past.timeline.resume(begun);
    return past;
  }

  VirtualFleet fleet;
  RunLoop loop;
};

/// @param rows that the whole run has more of.
void expect_to_go_on_wherever_it_was_killed(const Plan& plan, std::size_t rows) {
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(2);
  RunLoop whole(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(whole.run());
  const std::vector<std::string> loads = loads_of(whole.windows());
  ASSERT_GT(loads.size(), rows);
  for (std::size_t end = 0; end <= tape.entries.size(); ++end) {
    SCOPED_TRACE("killed behind entry " + std::to_string(end));
    const RunPast before = tape.past(end, 2);
    const std::int64_t begun = before.timeline.complete_through() + 30;
    Next next(plan, cells, 2, before, begun);
    RunLoop& loop = next.loop;
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

TEST(RunLoop, WhereverACoordinatorIsKilledAnotherGoesOnAndWhatWasClosedStays) {
  expect_to_go_on_wherever_it_was_killed(plan_of_all_kinds(), 15);
}

TEST(RunLoop, OneThatAlternatesGoesOnWhereverItWasKilled) {
  expect_to_go_on_wherever_it_was_killed(plan_of_turns(), 11);
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
      const RunPast past = tape.past(end, 2);
      const std::int64_t begun = std::max<std::int64_t>(past.timeline.complete_through(), 0) + 30;
      Next next(plan, cells, 1, past, begun);
      ASSERT_TRUE(next.loop.run());
      std::vector<std::uint32_t> stand;
      for (const StepWindow& window : next.loop.windows()) {
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
  const RunPast past = tape.past(tape.entries.size(), 2);
  ASSERT_EQ(past.windows.size(), 1u);
  Next next(plan, cells, 2, past, 60);
  RunLoop& loop = next.loop;
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
  const RunPast past = tape.past(tape.entries.size(), 1);
  Next next(plan, cells, 1, past, 100);
  ASSERT_TRUE(next.loop.run());
  EXPECT_EQ(next.loop.cut_short(), first.cut_short());
  EXPECT_EQ(next.loop.windows().size(), past.windows.size());
}

TEST(RunLoop, ThePastOfAnotherPlanIsNotGoneOnWith) {
  const Plan plan = plan_of({{.steps = {2, 4}, .warmup = 1s, .hold = 3s}});
  const std::vector<Cell> cells = cells_of(plan);
  Tape tape;
  VirtualFleet fleet(1);
  RunLoop first(plan, cells, fleet, tape.hooks());
  ASSERT_TRUE(first.run());
  const Plan other = plan_of({{.steps = {3, 4}, .warmup = 1s, .hold = 3s}});
  Next next(other, cells, 1, tape.past(tape.entries.size(), 1), 60);
  EXPECT_FALSE(next.loop.run());
  EXPECT_TRUE(next.fleet.sent.empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
