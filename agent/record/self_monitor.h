#pragma once

#include <cstdint>

namespace kneepoint::agent {

/// CPU seconds, and memory.
struct ProcessCost {
  double user = 0;                   ///< Of the whole process.
  double system = 0;                 ///< Of the whole process.
  double thread = 0;                 ///< Of the calling thread, user and system: how busy an event loop is.
  std::uint64_t resident_bytes = 0;  ///< Of the whole process, now; 0 where it is not measured.
};

/// What the agent itself costs. One instance per event-loop thread, used on that thread only; only one thread
/// of a process measures the process.
class SelfMonitor {
 public:
  explicit SelfMonitor(bool measures_process);
  /// Spent since the last call, or since construction. One small read of /proc a call.
  ProcessCost spent();

 private:
  ProcessCost read() const;

  bool measures_process_;
  ProcessCost last_;
};

}  // namespace kneepoint::agent
