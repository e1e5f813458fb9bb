#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/controllers/decision.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// What a controller may know of the fleet when it decides.
struct FleetView {
  /// Mean time from send to last token of the requests that ended lately; absent until one has.
  std::optional<Nanos> residence;
  /// No slot of the fleet is active any more, as of a second after the last level took effect.
  bool idle = false;
  /// Slots with a request in flight, or several of one session, as of the agents' last batches.
  std::uint32_t slots_in_flight = 0;
  /// How many agents there are; a step that asks for more of them is not begun.
  std::uint32_t agents = std::numeric_limits<std::uint32_t>::max();
  /// Changes with every agent that is lost or joins: the next level is dealt anew.
  std::uint32_t fleet = 0;
  /// No level may take effect before: until then an agent that was lost may still have load.
  Nanos not_before{0};
  /// What has been measured so far; null where a controller is only asked for its plan.
  const Timeline* timeline = nullptr;
  /// The figures of a window whose seconds are complete, before it is decided that it is one.
  std::function<Step(const StepWindow&)> measure;
};

/// How long a user of the cell thinks from an answer to the next request, on average: a user's cycle is a
/// request's residence and this. Users that start within one residence would come back together after every
/// constant pause, in a convoy that never dissolves.
Nanos mean_pause(const Cell& cell);

enum class Phase { kPending, kWarmUp, kHold, kRequests, kDeciding, kRerun, kDrain, kDone };
/// "warm-up", "hold", …
std::string_view to_string(Phase phase);

/// Drives one cell, or two that take turns, from the first level to idle: a pure state machine over run time,
/// without I/O or clock, so that it runs the same against a fleet, against a model in virtual time and
/// against a recorded timeline.
class Controller {
 public:
  virtual ~Controller() = default;

  /// The level to send now, if there is one. Called at least every 100 ms with a `now` that does not go back.
  virtual std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) = 0;
  /// The budget of the level `epoch` is used up on every agent; the last request ended at `finished_at`.
  virtual void level_done(std::uint64_t epoch, Nanos finished_at) = 0;
  /// The figures of windows()[index], once its seconds are complete. In order.
  virtual void measured(std::size_t index, const Step& step) = 0;
  /// An agent was lost that had completed its seconds up to `complete_through`. The steps that this leaves
  /// incomplete are marked and run again at once, by the agents that are left.
  /// @returns false where one of them has been run again as often as it may.
  virtual bool lose_agent(Nanos now, std::int64_t complete_through) = 0;
  /// Stops climbing: the step under way is cut at `now`, marked, and the load ends. Idempotent.
  virtual void interrupt(Nanos now) = 0;
  /// Ends the cell early: the step under way is cut at `now` and marked, and cut_short() says `why`.
  /// @returns the level that ends the load. Not after done().
  virtual LoadLevel give_up(Nanos now, std::string why) = 0;

  virtual Phase phase() const = 0;
  bool done() const { return phase() == Phase::kDone; }
  virtual std::uint64_t next_epoch() const = 0;
  /// Steps whose window is fixed, in order; the last may be cut short.
  virtual const std::vector<StepWindow>& windows() const = 0;
  /// What it has decided so far, in order; `rows` are its own, `controller` is left to its owner.
  virtual const std::vector<Decision>& decisions() const = 0;
  /// The step under way, counted from 0, and how many there will be; absent where that is found out on the
  /// way.
  virtual std::size_t step_index() const = 0;
  virtual std::optional<std::size_t> step_count() const = 0;
  /// The cell that has the load now, or had it last.
  virtual std::uint32_t cell() const = 0;
  /// The concurrency commanded now.
  virtual std::uint32_t concurrency() const = 0;
  /// The rate commanded now; absent in a closed loop.
  virtual std::optional<double> rate() const { return std::nullopt; }
  /// Time from `now` to the end of the cell as planned; absent where that cannot be known.
  virtual std::optional<Nanos> time_left(Nanos now) const = 0;
  /// Why it ended before it had found what it was looking for; empty where it did not.
  virtual std::string cut_short() const { return {}; }
};

}  // namespace kneepoint::coordinator
