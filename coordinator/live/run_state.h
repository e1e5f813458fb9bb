#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/live/course.h"
#include "coordinator/live/token_estimate.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// Where a run stands: its counts so far, its agents and its last lines. Bounded whatever comes. Not
/// thread-safe.
class RunState {
 public:
  static constexpr std::size_t kMostAgents = 64;  ///< That are told one by one.
  static constexpr std::size_t kMostLines = 50;

  void agent(std::uint32_t number, std::string name, std::string peer);
  void agent_lost(std::uint32_t number, std::string_view why);
  void batch(std::uint32_t agent, const SnapshotBatch& batch);
  void note(std::string_view line);

  /// Takes in one second that the whole fleet has completed. @returns what it came to.
  CourseSecond take(const TimelineSecond& second);

  /// As JSON. `place` says scenario and target.
  std::string json(const Progress& progress, std::string_view scenario, std::string_view target) const;
  /// The same before any load.
  std::string json(std::string_view waiting_for) const;

 private:
  struct Agent {
    std::string name, peer, lost;
    std::uint32_t in_flight = 0;
    std::int64_t through = -1;
    std::optional<double> busy, lag_p99;  // of the last second: a thread's share of it, seconds
  };
  std::string agents_json() const;
  std::string errors_json() const;
  std::string lines_json() const;

  std::map<std::uint32_t, Agent> agents_;
  std::map<std::uint32_t, TokenEstimate> tokens_;  // by cell
  std::array<std::uint64_t, kOutcomeCount> outcomes_{};
  Failures failures_;
  std::deque<std::string> lines_;
  CourseSecond latest_;
};

}  // namespace kneepoint::coordinator
