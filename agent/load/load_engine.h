#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/second_stats.h"
#include "common/secrets.h"

namespace kneepoint::agent {

/// A budgeted level has issued and finished all of this agent's share of its requests.
struct LevelDone {
  std::uint64_t epoch = 0;
  Nanos finished_at{0};  ///< Since the run's zero: the end of the last request.
};

/// What a session drives: real load (RunController), or a fake in its tests.
/// All members may be called from any one thread at a time (the session's); none blocks on network I/O.
class LoadEngine {
 public:
  virtual ~LoadEngine() = default;

  /// Converges to `level`: added slots start spread as it says, surplus slots finish their request and end.
  /// Slots of another cell are surplus.
  virtual void apply(const LoadLevel& level) = 0;

  /// The run's zero has moved against this machine's clock, by little: its seconds are counted from there,
  /// from the next one on.
  virtual void set_zero(MonoTime zero) = 0;

  /// Everything recorded since the last call in seconds that have ended, and late additions to earlier ones.
  /// `sequence` is left for the session to fill.
  virtual SnapshotBatch collect() = 0;

  /// Lets running requests finish for at most `limit`, starts none, then cancels the rest
  /// (Outcome::kCancelled). Returns at once; `idle()` tells when it is over. A shorter limit may follow a
  /// longer one.
  virtual void drain(Nanos limit) = 0;
  virtual bool idle() const = 0;
};

/// Makes the engine of one run. `keys[i]` are the resolved keys of targets[i].
/// `on_level_done` may be called from any thread, until the engine is destroyed. Throws std::exception when
/// the assignment cannot be carried out on this host.
using EngineFactory = std::function<std::unique_ptr<LoadEngine>(
    Assignment assignment, std::vector<Keys> keys, std::function<void(LevelDone)> on_level_done)>;

}  // namespace kneepoint::agent
