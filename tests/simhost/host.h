#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "tests/simhost/counters.h"
#include "tests/simhost/host_config.h"

namespace kneepoint::simhost {

/// A running simulated host: its replicas listen and serve on its own threads until it is destroyed.
///
///     HostConfig config;
///     config.profile = *find_profile("demo");
///     auto host = Host::start(config);
///     … (*host)->urls()[0] …
///
/// All members are safe from any thread, except that stop() and the destructor must not be called by the
/// host's own.
class Host {
 public:
  /// Validates, binds every replica, and starts the threads: connections succeed from here on.
  static Result<std::unique_ptr<Host>> start(HostConfig config);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const HostConfig& config() const;
  /// http://ADDRESS:PORT of each replica.
  std::vector<std::string> urls() const;
  std::vector<std::uint16_t> ports() const;
  /// The sum over all replicas, and each.
  HostStats stats() const;
  std::vector<HostStats> replica_stats() const;
  void flush_send_log();
  /// Closes everything, joins the threads, writes the send log. Safe to call twice.
  void stop();

 private:
  struct Impl;
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::simhost
