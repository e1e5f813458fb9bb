#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/clock.h"

namespace kneepoint {

/// Text on its way to a descriptor that may take nothing for hours: a terminal that was stopped (Ctrl-S), a
/// pipe that nobody reads. A thread of its own waits for it; whoever writes never does. All members from any
/// thread.
class BackgroundOutput {
 public:
  /// @param limit what may wait, in bytes; the newest is dropped beyond, and that is said once there is room.
  explicit BackgroundOutput(int descriptor, std::size_t limit = std::size_t{1} << 20);
  /// Waits a second for what is still to be written, then leaves it.
  ~BackgroundOutput();
  BackgroundOutput(const BackgroundOutput&) = delete;
  BackgroundOutput& operator=(const BackgroundOutput&) = delete;

  void write(std::string text);
  /// Whether everything has been written: what is only worth showing now is not worth queueing.
  bool idle() const;
  /// Why the first text that could not be written could not (errno); 0: none.
  int error() const;
  /// Waits until everything has been written, or `give_up` says so, which is asked some ten times a second.
  /// @returns whether it has.
  bool flush(const std::function<bool()>& give_up);

 private:
  struct State;
  const std::shared_ptr<State> state_;  // the thread's, too, which may outlive this
};

/// spdlog's default logger writes there from now on, in lines that begin with time and `name`. At most one
/// output a process; it must outlive what logs.
void log_to(BackgroundOutput& output, const std::string& name, const std::string& level);

}  // namespace kneepoint
