#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/background_output.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/cli/interrupts.h"
#include "coordinator/cli/run_command.h"
#include "coordinator/cli/run_display.h"
#include "coordinator/cli/run_server.h"
#include "coordinator/cli/run_telemetry.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/fleet/local_agents.h"
#include "coordinator/live/metrics.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/results.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/run/recorded_run.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/run/run_record.h"

namespace kneepoint::coordinator {

inline constexpr const char* kNothingLoaded = "nothing was loaded; --no-preflight loads all the same";

/// Ends the command early: one line for the user, and what the process exits with.
struct Failure {
  ExitCode code;
  std::string message;
  std::size_t agents_told = 0;  ///< How many know of it.
};

template <class T>
T or_fail(Result<T> result, ExitCode code) {
  if (!result) throw Failure{code, result.error().message};
  return std::move(*result);
}
inline void or_fail(const Result<void>& result, ExitCode code) {
  if (!result) throw Failure{code, result.error().message};
}

/// A run lies where this one is to be written, and nothing says that it may go on there or be removed.
/// @throws Failure.
void refuse_taken(const RunOptions& options);

/// One run, from its checked plan to its report. Members are in the order in which they come to be: the
/// server and the display outlive the fleet, so that its end can still be watched.
class Run {
 public:
  /// @param past a run that is to be gone on with.
  Run(const RunOptions& options, Plan plan, std::optional<Recording> past, Interrupts& interrupts,
      BackgroundOutput& output, BackgroundOutput& errors);

  /// @throws Failure where it ends before it has anything to report.
  ExitCode execute();

  /// What the run ends with on a terminal, in lines; empty before there is a report.
  const std::string& closing() const { return closing_; }

 private:
  ExitCode conduct();
  void serve();
  /// Who wants the run to end.
  std::string stop_reason() const { return server_ ? server_->stop_reason() : std::string(); }

  // Up to the load (run_start.cc).
  void check_interrupts() const;
  /// How many agents there are to be.
  std::size_t expected_agents() const;
  void assemble();
  /// A level that an agent will refuse is said before any load, not when it is reached.
  void hold_against_caps();
  /// Whether the agents of this machine still run.
  Result<void> check_local_agents();
  /// Whether to go on, while the fleet comes together.
  Result<void> check_start();
  /// Waits for the targets whose `wait_ready` asks for it, all at once: they may be loading at the same time.
  /// The fleet is held meanwhile.
  std::map<std::uint32_t, double> wait_for_targets();
  /// What hosts tell of their tokens and what texts weigh. A host that would refuse every request is said so
  /// before it is loaded.
  void ask_about_tokens();
  /// Hands the assignment to the fleet and opens what is recorded. @returns what there was before.
  RunPast start();
  void tell_of_past(const RunPast& past);
  void tell_of_agents();
  /// How far apart the agents' starts can be at most: an agent's clock offset is off by up to half of its
  /// round trip.
  Nanos start_skew() const;

  // While there is load.
  /// `timeline` is filled in once the loop exists.
  RunLoop::Hooks hooks(const Timeline*& timeline);
  void count_agents();
  /// Agents of this machine whose process has ended need not be waited for.
  void tell_of_ended_agents();
  void take_telemetry(const Timeline& timeline);
  /// A disk that refuses, now or for good, ends no run.
  void take_notices();
  static std::string why_unfinished(const RunLoop& loop);

  // From the end of the load on (run_end.cc).
  /// What is recorded is whole before the agents may forget it, if the disk lets it.
  void close_record(const Timeline& timeline);
  void tell_of_clocks();
  /// Waits a moment until what was said of the run's progress has been written, if somebody takes it.
  static void settle(BackgroundOutput& output);
  /// What was found is told first: no disk can take it away.
  ExitCode report(const Measured& measured, bool interrupted);
  /// Nobody goes on with a run that is over: what it came to is enough.
  void fold(const Measured& measured);
  /// Stays until the last figures have been scraped twice, or the time has passed, and tells agents that come
  /// so late that the run is over.
  void linger(bool interrupted);

  const RunOptions& options_;
  Interrupts& interrupts_;
  BackgroundOutput& output_;
  BackgroundOutput& errors_;
  Plan plan_;
  std::optional<Recording> past_;  // of coordinators before this one
  std::vector<Cell> cells_ = cells_of(plan_);
  RealTime started_at_;
  std::string run_id_;
  RunDirectory directory_;
  Metrics metrics_;
  RunFeed feed_;
  RunDisplay display_;
  std::unique_ptr<RunServer> server_;
  std::unique_ptr<PrivateSocket> socket_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<LocalAgents> agents_;
  RunRecord record_;                              // its thread uses the fleet
  std::map<std::uint32_t, double> load_seconds_;  // by target
  std::optional<RunTelemetry> telemetry_;
  std::optional<RecordedRun> recorded_;
  bool recorded_whole_ = false;
  std::string closing_;
};

}  // namespace kneepoint::coordinator
