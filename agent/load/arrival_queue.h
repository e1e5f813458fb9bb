#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "agent/load/arrival_schedule.h"
#include "agent/net/poller.h"
#include "agent/record/recorder.h"

namespace kneepoint::agent {

/// A request of an open loop that is due.
struct Arrival {
  std::uint64_t index = 0;  ///< Over the whole fleet, under its level.
  MonoTime at{};            ///< When it is due.
  SeriesKey level;          ///< Its cell and epoch.
  std::uint32_t attempt = 1;
  bool waits = false;  ///< No slot was free when it came: it counts in the backlog.
};

/// One thread's part of an open loop: which arrivals are due and not taken yet, first come first served. None
/// is ever dropped while the load goes on; those of an earlier level of the cell are served before the
/// present one's. A million may wait; later ones are let in as those are served. Belongs to the poller's
/// thread.
class ArrivalQueue {
 public:
  /// `on_due` runs when arrivals have come in: it takes as many as there are slots for.
  ArrivalQueue(Timers& timers, Recorder& recorder, std::function<void()> on_due);

  /// A level's arrivals, from `begin` on.
  struct Level {
    ArrivalSchedule schedule;
    MonoTime begin{};
    SeriesKey key;  ///< Cell and epoch.
    std::uint32_t attempt = 1;
    std::function<bool(std::uint64_t index)> mine;  ///< Whether the arrival is this thread's.
  };
  /// From `level.begin` on its arrivals come, and no more of the level before. Those of another cell that
  /// wait are forgotten.
  void follow(Level level);
  /// No more arrivals; those that wait are forgotten.
  void stop();

  bool empty() const { return waiting_.empty(); }
  /// The longest waiting one. Not when empty.
  Arrival take();

 private:
  void admit(MonoTime until);
  void advance();
  void fire();

  Recorder& recorder_;
  const std::function<void()> on_due_;
  std::optional<Level> level_;
  std::uint64_t index_ = 0;  // of the schedule's next arrival
  std::optional<Arrival> next_;
  std::deque<Arrival> waiting_;
  Timer timer_;
};

}  // namespace kneepoint::agent
