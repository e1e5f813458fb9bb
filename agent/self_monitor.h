#pragma once

namespace kneepoint::agent {

/// CPU seconds.
struct CpuTime {
  double user = 0;    ///< Of the whole process.
  double system = 0;  ///< Of the whole process.
  double thread = 0;  ///< Of the calling thread, user and system: how busy an event loop is.
};

/// What the agent itself costs. One instance per event-loop thread, used on that thread only; only one thread of a
/// process measures the process.
class SelfMonitor {
 public:
  explicit SelfMonitor(bool measures_process);
  /// Spent since the last call, or since construction.
  CpuTime spent();

 private:
  CpuTime read() const;

  bool measures_process_;
  CpuTime last_;
};

}  // namespace kneepoint::agent
