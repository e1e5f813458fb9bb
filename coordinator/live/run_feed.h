#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "common/serve/event_feed.h"
#include "coordinator/live/course.h"
#include "coordinator/live/forming.h"
#include "coordinator/live/run_state.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/telemetry/telemetry_series.h"

namespace kneepoint::coordinator {

/// A run as its live page follows it: a snapshot for who comes, then a frame a second, as server-sent events
/// whose data is JSON. A frame is written once, whoever follows; who missed some gets a snapshot again. All
/// but after() belongs to the coordinator's main thread, and takes well under a millisecond.
class RunFeed final : public EventFeed {
 public:
  /// `plan` and `cells` must outlive it. @param served whether anybody can follow: else nothing is worked
  /// out.
  RunFeed(const Plan& plan, const std::vector<Cell>& cells, const std::string& run_id, bool served);

  void waiting(std::string_view what);
  /// A permanent line.
  void note(std::string_view line);
  void agent(std::uint32_t number, std::string name, std::string peer) {
    state_.agent(number, std::move(name), std::move(peer));
  }
  void agent_lost(std::uint32_t number, std::string_view why) { state_.agent_lost(number, why); }
  void batch(std::uint32_t agent, const SnapshotBatch& batch) {
    if (served_) state_.batch(agent, batch);
  }
  void progress(const Progress& progress, const Timeline& timeline, const TelemetrySeries& telemetry);
  void step(const StepWindow& window, const Step& step) {
    if (served_) forming_.add(window.cell, step);
  }
  /// The run is over.
  void finish(const Report& report);
  /// It ended without a report.
  void over(std::string_view why);

  Piece after(std::uint64_t seen) override;

 private:
  /// A frame: members of a JSON object.
  void publish(const std::string& members);
  void publish_report(const Report& report);
  /// Takes in a second of the timeline, and tells it as a frame where it is one of few.
  void take_second(std::int64_t second, const Progress& progress, const Timeline& timeline,
                   const TelemetrySeries& telemetry, bool one_by_one);

  const Plan& plan_;
  const std::vector<Cell>& cells_;
  const bool served_;
  RunState state_;
  std::int64_t through_ = -1;
  Nanos told_at_{-1};
  std::string told_place_;

  // What the server's thread and that of forming_ share.
  std::mutex mutex_;
  const std::string head_;  // JSON of what never changes
  Course course_;
  std::string now_ = "null", report_ = "null", over_ = "null";
  std::uint64_t last_ = 0;                                 // of the frames
  std::uint64_t whole_ = 0;                                // who has seen less needs a snapshot
  std::deque<std::shared_ptr<const std::string>> frames_;  // the latest few
  std::uint64_t snapshot_of_ = 0;
  std::shared_ptr<const std::string> snapshot_;

  Forming forming_;  // last: its thread uses the others
};

}  // namespace kneepoint::coordinator
