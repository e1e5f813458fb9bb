#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/fleet_tls.h"
#include "coordinator/report/ending.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// `kneepoint run`
struct RunOptions {
  std::string plan;
  std::string alternate;             ///< Another plan, whose target takes turns with that of `plan`.
  std::vector<std::string> set;      ///< NAME=VALUE
  std::vector<std::string> fail_on;  ///< Thresholds beside those of the plan.
  std::optional<std::filesystem::path> out;
  bool resume = false;              ///< Go on with the run in `out`, which is given then.
  bool force = false;               ///< Onto a run that lies in `out`.
  std::size_t agents = 1;           ///< Local agent processes, where no fleet is awaited.
  unsigned threads = 1;             ///< Event-loop threads of each local agent.
  std::vector<std::string> listen;  ///< HOST:PORT or unix:PATH to await a fleet on.
  std::size_t expect_agents = 0;
  /// So many of a fleet may begin once `join_timeout` has passed, and with fewer the run ends; absent: all,
  /// and one.
  std::optional<std::size_t> min_agents;
  bool insecure = false;
  FleetTlsFiles tls;  ///< For the fleet's link; empty: plain TCP.
  Nanos join_timeout = std::chrono::seconds(60);
  std::optional<std::string> serve;  ///< HOST:PORT, or "none"; absent: the default address.
  std::string http_token_file;       ///< With what `serve` wants to be shown; empty: nothing.
  Nanos linger{0};
  std::filesystem::path termination_message;  ///< Gets the closing lines, too; empty: no file does.
  Detail detail = Detail::kAnswer;  ///< Of what is printed at the end; kLine: of the progress nothing.
  bool preflight = true;            ///< Ask the hosts before any load, where this machine's agents load them.
  /// What is printed at the end instead, with line breaks, from the report and where it lies.
  std::function<std::string(const Report&, const std::filesystem::path&)> ending;
};

/// Runs a plan from its file to its report. @returns the process's exit code (see ExitCode).
int run_command(const RunOptions& options);

}  // namespace kneepoint::coordinator
