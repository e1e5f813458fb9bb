#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/resume.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/run/run_record.h"

namespace kneepoint::coordinator {

/// One coordinator's part in a run: what it goes on from, what it hands to its fleet, and that nothing is
/// acknowledged before it is recorded. In this order: start(), open(), then a RunLoop with hooks(). Used by
/// one thread.
class RecordedRun {
 public:
  struct Identity {
    std::string run_id;
    RealTime started_at{};
    std::map<std::uint32_t, double> load_seconds;  ///< RunFacts::load_seconds.
  };

  /// Everything must outlive it. @param past a run that is to be gone on with, or null.
  RecordedRun(const Plan& plan, const std::vector<Cell>& cells, Fleet& fleet, RunRecord& record,
              const Clock& clock, Identity identity, Recording* past);

  /// Hands the assignment to the assembled fleet. Fails as Fleet::start().
  Result<void> start(const Fleet::Check& check);
  /// Opens what is recorded. Where it cannot be had, an error names the file. @returns what there was before.
  Result<RunPast> open();
  /// Where this coordinator went on, if it did. After open().
  const std::optional<Resumption>& resumed() const { return resumed_; }

  /// Records all that a run loop tells; a batch is acknowledged when the disk has it.
  RunLoop::Hooks hooks();

  /// What is known of the run when its load begins …
  RunFacts facts() const;
  /// … and when it is over.
  RunFacts facts(const RunLoop& loop, Nanos duration) const;

 private:
  const Plan& plan_;
  const std::vector<Cell>& cells_;
  Fleet& fleet_;
  RunRecord& record_;
  const Clock& clock_;
  const Identity identity_;
  Recording* const past_;
  Continuation on_;
  std::optional<Resumption> resumed_;
  /// Its own agents by number, as the run loop has heard of them, which is what the recording holds: the
  /// fleet may know more by the time the run ends.
  std::vector<RunFacts::Agent> agents_;
  std::size_t first_agents_ = 0;  // that it began with
};

}  // namespace kneepoint::coordinator
