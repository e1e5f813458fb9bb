#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// One step as a schedule asks for it; the runner gives it its level, warm-up and window.
struct PlannedStep {
  // The load.
  std::uint32_t concurrency = 0;           ///< Of an open loop, the slots that it may use.
  std::optional<ArrivalProcess> arrivals;  ///< Of an open loop.
  std::optional<std::uint32_t> requests;   ///< The step ends after so many, and has neither warm-up nor hold.
  std::optional<LinearRamp> way;           ///< From the end of its warm-up on the load moves.
  std::uint32_t agents = 0;                ///< How many make the load; 0: all.
  std::size_t turn = 0;                    ///< Whose it is: the runner's cells by index.
  StepRole role = StepRole::kRamp;
  bool scout = false;
  std::optional<Look> look;  ///< It measures again for what is claimed.

  // How it settles.
  enum class Settling {
    kResidence,  ///< Slots start over one residence, half of the warm-up at most; then one more passes.
    kCycles,  ///< Slots start over one cycle, a minute at most; then `cycles` pass, two on a falling level.
    kWarmUpOnly,  ///< What comes does not wait for the host to settle.
  };
  Settling settling = Settling::kResidence;
  int cycles = 1;
  Nanos warmup{0};                 ///< At least.
  bool moves_on_settling = false;  ///< The window is moved on where it still holds the settling.

  // How long it is measured.
  struct Window {
    Nanos least{0};
    int cycles = 0;              ///< Or so many of these, where that is longer, but …
    Nanos most{0};               ///< … no longer than this.
    Nanos multiple{0};           ///< It is a multiple of this; 0: of seconds.
    bool until_precise = false;  ///< It may end sooner, once its figures are precise enough.
    bool judged = false;         ///< At its longest it is told whether that was precise enough.
  };
  Window window;

  /// The window is measured in rows without gaps, each `row` long; the last takes what is left.
  std::size_t rows = 1;
  Nanos row{0};
  std::vector<double> row_loads;  ///< Of a load that moves, the mean of each row; else empty.
  bool folded = false;            ///< Rows are made of grains, so that hours take little memory.

  std::uint32_t reruns = 0;  ///< How often it was run again because an agent was lost.
  /// What is left of it from `row` on.
  PlannedStep from_row(std::size_t row) const;

  double load() const { return arrivals ? arrivals->rate : concurrency; }
};

/// What a schedule may know of time when it decides.
struct TimeFrame {
  Nanos elapsed{0};            ///< Since the first level was sent.
  std::optional<Nanos> left;   ///< Until max_duration; absent without one.
  std::optional<Nanos> cycle;  ///< From one request of a slot to its next, as seen lately.
};

/// Which step comes next, given the rows so far: no clock, no load, no randomness, so that a recorded run can
/// be decided again.
class Schedule {
 public:
  virtual ~Schedule() = default;

  /// The next step; none when there is nothing left to measure.
  virtual std::optional<PlannedStep> next(const TimeFrame& time) = 0;
  /// The row of a step that was asked for; in order. One step may have several rows.
  virtual void add(const PlannedStep& asked, const Step& row) = 0;
  /// Whether what comes next does not depend on rows that are still to come.
  virtual bool foreseen() const = 0;

  /// Bounds all of it. May grow once answers have been seen to be slow.
  virtual std::optional<Nanos> max_duration() const { return std::nullopt; }
  /// What max_duration() is called where it is told: "max_duration", …
  virtual std::string bound_name() const { return "max_duration"; }
  /// What it left out for want of time, a clause; empty where nothing was.
  virtual std::string left_out() const { return {}; }
  /// Steps or rows in all; absent where that cannot be known.
  virtual std::optional<std::size_t> step_count() const = 0;
  /// The time that steps not asked for yet take; absent where that cannot be known.
  virtual std::optional<Nanos> later() const = 0;
};

}  // namespace kneepoint::coordinator
