#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "common/second_stats.h"

namespace kneepoint::agent {

/// Says what keeps an assignment from being run here: a URL, a TLS file, an extra_body, a header. An agent
/// refuses such an assignment before it is given any load. Reads the TLS files; no network.
Result<void> check_assignment(const Assignment& assignment, const std::vector<std::string>& secrets);

/// A budgeted level has issued and finished all of this agent's share of its requests.
struct LevelDone {
  std::uint64_t epoch = 0;
  Nanos finished_at{0};  ///< Since the run's zero: the end of the last request.
};

/// Executes load levels and records seconds; knows nothing of steps, windows or verdicts. Owns `threads`
/// event-loop threads; a slot lives on one of them for good, so nothing on the token path is shared. All
/// members may be called from any one thread at a time (the session's); none blocks on network I/O.
class RunController {
 public:
  struct Options {
    unsigned threads = 1;
    /// Called from an event-loop thread; must not block and must not call back into the controller.
    std::function<void(LevelDone)> on_level_done;
  };

  /// `secrets[i]` is the resolved bearer token of targets[i], empty for none. Throws std::invalid_argument
  /// for what `check_assignment` refuses.
  RunController(Assignment assignment, std::vector<std::string> secrets, Options options);
  /// Stops at once.
  ~RunController();

  /// Converges to `level`: added slots start spread as it says, surplus slots finish their request and end.
  /// Slots of another cell are surplus.
  void apply(const LoadLevel& level);

  /// Everything recorded since the last call in seconds that have ended, and late additions to earlier ones.
  /// Each event-loop thread hands over its part between two polls; a thread that is stalled delays the call's
  /// `complete_through`, not the call: it waits at most 200 ms. `sequence` is left for the session to fill.
  SnapshotBatch collect();

  /// Lets running requests finish for at most `limit`, starts none, then cancels the rest
  /// (Outcome::kCancelled). Returns at once; `idle()` tells when it is over.
  void drain(Nanos limit);
  bool idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::agent
