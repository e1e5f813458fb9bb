#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "coordinator/telemetry/http_client.h"
#include "coordinator/telemetry/telemetry_sample.h"

namespace kneepoint::coordinator {

/// A URL that may expose metrics of an engine, of GPUs, or both: what it has is found out.
struct ScrapeEndpoint {
  std::string target;  ///< As in TelemetrySample.
  std::string url;
  std::string model;  ///< Series of other models do not count; empty: all do.
  std::map<std::string, std::string> headers;
  TlsOptions tls;
  std::string role;  ///< As in TelemetrySample, where the plan says; empty: the page may tell.
  std::map<std::string, std::string> gpu_labels;  ///< As read_gpu_metrics() takes them.
  /// The user named it: tried to the end. Otherwise given up after `Scraper::Options::tries` without one
  /// success.
  bool asked_for = false;
};

/// Polls metrics once a second on one thread of low priority, whatever the hosts do: every wait is bounded, a
/// slow host misses seconds and delays nobody else. What it reads waits in a queue for take(). Trouble is one
/// notice per endpoint, not an error.
class Scraper {
 public:
  struct Options {
    MonoTime zero{};  ///< The run's zero. Polls happen at zero + k · interval.
    Nanos interval = std::chrono::seconds(1);
    std::string run_id;  ///< As HttpClient takes it.
    HttpLimits limits;
    int tries = 5;                  ///< Of an endpoint that was not asked for.
    std::set<std::string> watched;  ///< Metric names kept as TelemetrySample::metrics, from every endpoint.
    std::vector<std::string> nvml_targets;  ///< The targets that this host's own GPUs serve; empty: not read.
    std::string nvml_library = "libnvidia-ml.so.1";
    /// Of targets whose servers run on this machine: their ports. What their processes use is told as source
    /// "host".
    std::map<std::string, std::set<std::uint16_t>> local_ports;
    /// Called on the scraper's thread after a sample or a notice was queued; must return soon.
    std::function<void()> on_update;
  };

  /// Starts polling at once.
  Scraper(std::vector<ScrapeEndpoint> endpoints, Options options);
  /// As stop().
  ~Scraper();
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  /// The samples since the last call, in order of arrival. Any thread.
  std::vector<TelemetrySample> take();
  /// Lines for the user since the last call. Any thread.
  std::vector<std::string> take_notices();
  /// Ends polls under way and the thread. Idempotent.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
