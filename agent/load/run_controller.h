#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "agent/load/load_engine.h"
#include "agent/net/target_policy.h"
#include "agent/stream/lease.h"
#include "common/secrets.h"

namespace kneepoint::agent {

/// Executes load levels and records seconds; knows nothing of steps, windows or verdicts. Owns `threads`
/// event-loop threads; a slot lives on one of them for good, so nothing on the token path is shared.
class RunController final : public LoadEngine {
 public:
  struct Options {
    unsigned threads = 1;
    std::shared_ptr<const TargetPolicy> targets;  ///< Null: any target.
    /// Load ends with it, on every thread by itself. Null: it ends only as it is told.
    std::shared_ptr<Lease> lease;
    /// Called from an event-loop thread; must not block and must not call back into the controller.
    std::function<void(LevelDone)> on_level_done;
  };

  /// `keys[i]` are the resolved keys of targets[i]. Throws std::invalid_argument for what prepare_run()
  /// refuses (run_setup.h).
  RunController(Assignment assignment, std::vector<Keys> keys, Options options);
  /// Stops at once.
  ~RunController() override;

  void apply(const LoadLevel& level) override;
  void set_zero(MonoTime zero) override;

  /// Each event-loop thread hands over its part between two polls; a thread that is stalled delays the call's
  /// `complete_through`, not the call: it waits at most 200 ms.
  SnapshotBatch collect() override;

  void drain(Nanos limit) override;
  bool idle() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::agent
