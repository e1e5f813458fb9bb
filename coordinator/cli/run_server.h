#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include "common/result.h"
#include "common/serve/http_server.h"
#include "coordinator/cli/run_command.h"
#include "coordinator/live/metrics.h"
#include "coordinator/live/past_runs.h"
#include "coordinator/live/run_feed.h"
#include "coordinator/live/stop_request.h"

namespace kneepoint::coordinator {

/// What `--serve` offers of a run: metrics, readiness, the live page, stopping, past runs.
class RunServer {
 public:
  struct Subject {
    const Metrics& metrics;
    RunFeed& feed;
    std::string run_id;
    std::filesystem::path results;  ///< The folder of this run's and of past ones.
  };

  /// Both must outlive it. An error is one clear line.
  static Result<std::unique_ptr<RunServer>> start(const RunOptions& options, const Subject& subject);

  /// The fleet is complete.
  void ready() { ready_ = true; }
  /// Why a user wants the run to end; empty: nobody does.
  std::string stop_reason() const { return stop_.reason(); }
  HttpServer& http() { return *http_; }

 private:
  explicit RunServer(const Subject& subject) : past_(subject.results), stop_(subject.run_id) {}

  std::atomic<bool> ready_ = false;
  PastRuns past_;
  StopRequest stop_;
  std::unique_ptr<HttpServer> http_;  // last: its thread uses the others
};

}  // namespace kneepoint::coordinator
