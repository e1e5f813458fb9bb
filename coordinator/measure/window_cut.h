#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "common/second_stats.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// The seconds that belong to a window, merged over whatever the step does not distinguish.
struct WindowCut {
  /// Of the step's cell, one for each second of the window (each `grain` seconds of one that was folded).
  std::vector<SeriesStats> seconds;
  SeriesStats total;
  std::map<std::uint32_t, SeriesStats> by_replica, by_class, by_turn;
  std::vector<double> busiest_thread;  ///< Of each second in which an agent reported.
  GeneratorStats generator;
  /// Of any cell and level, which the generator's CPU was spent on: the tokens that arrived, and nothing
  /// else.
  SeriesStats anything;
  bool observed = false;  ///< Whether the timeline holds any second of it.

  /// A figure of each of `seconds`.
  std::vector<double> series(const std::function<double(const SeriesStats&)>& value) const;
};

/// Of a step bounded by requests only what its own level began; else whatever arrived, under whichever level
/// it began.
WindowCut cut_out(const Timeline& timeline, const StepWindow& window);

}  // namespace kneepoint::coordinator
