#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace kneepoint::coordinator {

/// The processes of this machine that serve a port: those that listen on it, and all that they started. What
/// one of them needs of CPU and GPU memory, no page tells. Read from /proc; what this user may not see is
/// absent.
class LocalServer {
 public:
  /// @param ports of one target on this machine.
  explicit LocalServer(std::set<std::uint16_t> ports) : ports_(std::move(ports)) {}

  /// Looks for the processes (again: servers are restarted). Some milliseconds.
  void find();
  /// Every process found.
  const std::set<int>& processes() const { return processes_; }
  /// CPU seconds so far of the busiest engine process, which is known by its name (vLLM and SGLang name
  /// theirs); absent where there is none. Of the process that listens nothing is said: it may be a proxy or a
  /// tunnel.
  std::optional<double> engine_cpu() const;

 private:
  std::set<std::uint16_t> ports_;
  std::set<int> processes_;
};

}  // namespace kneepoint::coordinator
