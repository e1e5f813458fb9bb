#pragma once

#include <signal.h>
#include <sys/types.h>

#include <functional>
#include <string>
#include <thread>

namespace kneepoint::agent {

/// Has the kernel kill this process when the thread that started it ends. False when `parent`, the process
/// that started this one, is gone already: the caller must end by itself.
bool die_with_parent(pid_t parent);

/// Leaves SIGINT, SIGTERM and SIGHUP to StopSignals and ignores SIGPIPE. Call before any thread is made:
/// threads inherit it.
void block_stop_signals();

/// Hands them, by name, to a callback on a thread of its own, which may thus do anything.
class StopSignals {
 public:
  explicit StopSignals(std::function<void(std::string)> on_stop);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  std::jthread waiter_;
};

}  // namespace kneepoint::agent
