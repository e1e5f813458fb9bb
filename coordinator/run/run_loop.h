#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"
#include "coordinator/controllers/controller.h"
#include "coordinator/controllers/past.h"
#include "coordinator/fleet/load_fleet.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

class StepRunner;

/// Where a run stands, for whoever watches it.
struct Progress {
  Nanos now{0};
  std::uint32_t cell = 0;
  Phase phase = Phase::kPending;
  std::size_t step = 0;
  std::optional<std::size_t> step_count;  ///< Absent where that is found out on the way.
  std::uint32_t concurrency = 0;          ///< Commanded; of an open loop, the most that it allows.
  std::optional<double> rate;             ///< Commanded, of an open loop.
  std::uint32_t in_flight = 0;
  std::uint32_t backing_off = 0;
  std::optional<Nanos> time_left;  ///< Of the whole run, as planned.
};

/// Runs every cell of a plan on a fleet, one after the other, and collects the timeline. Decides nothing
/// itself: the cell's controller does.
class RunLoop {
 public:
  struct Hooks {
    std::function<void(const BatchArrived&)> on_batch = [](auto&) {};
    /// What a controller decided next; before the level that comes of it is sent.
    std::function<void(const Decision&)> on_decision = [](auto&) {};
    /// The window's seconds are complete, and these are its figures.
    std::function<void(const StepWindow&, const Step&)> on_step = [](auto&, auto&) {};
    std::function<void(const Progress&)> on_progress = [](auto&) {};
    std::function<void(const AgentJoined&)> on_agent_joined = [](auto&) {};
    std::function<void(const AgentLost&)> on_agent_lost = [](auto&) {};
    /// A scenario was ended early because of `why`.
    std::function<void(std::uint32_t cell, const std::string& why)> on_given_up = [](auto, auto&) {};
    /// How often the user has asked to stop.
    std::function<int()> interrupts = [] { return 0; };
    /// Why the run must stop before its end; empty while it need not.
    std::function<std::string()> stop_reason = [] { return std::string(); };
  };

  struct Setup {
    RunPast past = {};             ///< Trimmed, its timeline resumed.
    std::size_t least_agents = 1;  ///< With fewer the run ends.
  };

  /// `plan`, `cells` and `fleet` must outlive the loop.
  RunLoop(const Plan& plan, const std::vector<Cell>& cells, LoadFleet& fleet, Hooks hooks, Setup setup);
  RunLoop(const Plan& plan, const std::vector<Cell>& cells, LoadFleet& fleet, Hooks hooks)
      : RunLoop(plan, cells, fleet, std::move(hooks), Setup{}) {}

  /// Returns when the plan has been run, the user has interrupted it, `stop_reason` has given one or the loss
  /// of agents has ended it; in each case the fleet is drained and everything it had measured is in the
  /// timeline. A step that loses an agent is run again, unless the plan says to stop. Fails, before any load,
  /// where the past cannot be decided again.
  Result<void> run();

  const Timeline& timeline() const { return timeline_; }
  const std::vector<StepWindow>& windows() const { return windows_; }
  bool interrupted() const { return interrupted_; }
  /// The reason that `stop_reason` gave; empty: it gave none.
  const std::string& stopped_by() const { return stopped_by_; }
  /// Of the cells whose controller ended before it had found what it was looking for: why.
  const std::map<std::uint32_t, std::string>& cut_short() const { return cut_short_; }
  /// Why the loss of agents has ended the run, as a clause; empty: it has not.
  const std::string& fleet_failure() const { return fleet_failure_; }

 private:
  struct Gauges {
    std::int64_t complete_through = -1;
    std::uint32_t in_flight = 0, in_flight_beside = 0, backing_off = 0, active_slots = 0;
    bool dealt = false;  // a share of level_, perhaps an empty one
  };

  /// Of a plan whose two targets alternate, both cells of a scenario are under way; else one.
  std::size_t cells_at_once() const { return plan_.alternate ? 2 : 1; }
  /// Of a controller that is new: where its rows begin, and what the past knows of it.
  Result<void> begin(StepRunner& controller);
  void tell_decisions(const Controller& controller);
  /// Ends the cell early where its target is down and the plan does not say to go on.
  void give_up_when_down(Controller& controller, const Cell& cell);
  void run_controller(Controller& controller, std::size_t cell_index);
  void take(const FleetEvent& event, Controller& controller);
  void send(const LoadLevel& level);
  void take_loss(const AgentLost& lost, Controller& controller);
  /// Whether the next level waits for agents that come back after a loss, so that they share it.
  bool gathering() const;
  /// Ends the run where too few agents are left and nobody comes back.
  void judge_fleet();
  void take_level_finished(const LevelFinished& finished, Controller& controller);
  /// Takes what comes until nothing more is there or a tick has passed, and looks once at what follows.
  void tick(Controller& controller, std::size_t cell_index);
  /// Measures the windows of `controller` whose seconds are complete; all of them when `final`.
  void measure_windows(Controller& controller, bool final);
  void stop_and_settle(Controller& controller, std::size_t cell_index);
  FleetView view(const Cell& cell) const;
  bool idle_since(Nanos instant) const;
  std::uint32_t in_flight() const;
  std::uint32_t slots_in_flight() const;

  const Plan& plan_;
  const std::vector<Cell>& cells_;
  LoadFleet& fleet_;
  Hooks hooks_;
  std::size_t least_agents_;
  Timeline timeline_;
  RunPast past_;  // but for its timeline
  std::vector<StepWindow> windows_;
  std::size_t windows_before_controller_ = 0;
  std::uint32_t controllers_ = 0;           // that there were, the one under way included
  std::size_t decisions_told_ = 0;          // of the one under way
  std::vector<Step> rows_;                  // of the controller under way, as measured
  std::map<std::uint32_t, Gauges> gauges_;  // of the agents that are left
  LoadLevel level_;
  std::map<std::uint32_t, Nanos> level_finished_;   // by agent, for level_
  std::map<std::uint32_t, std::string> cut_short_;  // by cell
  std::int64_t looked_through_ = -1;  // the last second that was looked at for a target that is down
  bool given_up_ = false;             // of the controller under way
  bool interrupted_ = false;
  std::string stopped_by_;
  std::string fleet_failure_;
  std::uint32_t fleet_changes_ = 0;
  Nanos gather_until_{0};     // after a loss
  Nanos lost_load_until_{0};  // until then agents that were lost may have load
};

}  // namespace kneepoint::coordinator
