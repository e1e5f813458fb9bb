#include "coordinator/cli/run_command.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "common/background_output.h"
#include "common/build_identity.h"
#include "common/dataset.h"
#include "common/descriptor_limit.h"
#include "common/plural.h"
#include "common/printable.h"
#include "common/secrets.h"
#include "common/version.h"
#include "common/wire.h"
#include "coordinator/calibration/calibrate.h"
#include "coordinator/calibration/settle_usage.h"
#include "coordinator/cli/interrupts.h"
#include "coordinator/cli/replay_command.h"
#include "coordinator/cli/run_display.h"
#include "coordinator/cli/run_server.h"
#include "coordinator/cli/run_telemetry.h"
#include "coordinator/cli/see_off_agents.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/cli/termination_message.h"
#include "coordinator/cli/wait_for_targets.h"
#include "coordinator/fleet/caps.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/fleet/local_agents.h"
#include "coordinator/init/preflight.h"
#include "coordinator/live/metrics.h"
#include "coordinator/plan/alternate.h"
#include "coordinator/plan/needs.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/threshold.h"
#include "coordinator/recording/folded.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/results.h"
#include "coordinator/recording/resume.h"
#include "coordinator/report/run_directory.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/exit_code.h"
#include "coordinator/results/units.h"
#include "coordinator/run/recorded_run.h"
#include "coordinator/run/run_facts.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/run/run_record.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::coordinator {
namespace {

/// How long the last of the progress may take to be written before the answer is.
constexpr Nanos kProgressPatience = std::chrono::seconds(1);
/// A clock that has moved further is worth a word: a twentieth of a second.
constexpr Nanos kNoticedDrift = std::chrono::milliseconds(50);
constexpr const char* kNothingLoaded = "nothing was loaded; --no-preflight loads all the same";

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
void or_fail(const Result<void>& result, ExitCode code) {
  if (!result) throw Failure{code, result.error().message};
}

Plan load_plan_of(const RunOptions& options) {
  const Variables variables = or_fail(variables_from_flags(options.set), kBadInput);
  Plan plan = or_fail(load_plan(options.plan, variables), kBadInput);
  if (!options.alternate.empty()) {
    const Plan other = or_fail(load_plan(options.alternate, variables), kBadInput);
    plan = or_fail(alternate(std::move(plan), other), kBadInput);
  }
  for (const std::string& text : options.fail_on)
    plan.thresholds.push_back(or_fail(parse_threshold(text, ThresholdUse::kRun), kBadInput));
  return plan;
}

/// What agents hear of a run that is over.
Fleet::End end_of(const RunFacts& facts) {
  const std::string& why = facts.fleet_failure.empty() ? facts.stopped_by : facts.fleet_failure;
  return {.complete = why.empty(), .reason = why, .final = true};
}

void check_free(const RunOptions& options) {
  if (options.out && !options.resume && !options.force)
    or_fail(RunDirectory::refuse_taken(*options.out), kBadInput);
}

/// What is wrong with the options is said before any host is asked.
void check_options(const RunOptions& options) {
  check_free(options);
  if (options.serve && *options.serve != "none") or_fail(parse_listen_address(*options.serve), kBadInput);
  if (!options.http_token_file.empty())
    or_fail(resolve_secret({SecretRef::Source::kFile, options.http_token_file}), kBadInput);
}

/// Nothing lies on disk yet: a run that loads nothing leaves nothing.
void ask_hosts(const Plan& plan, bool tell, Interrupts& interrupts, BackgroundOutput& errors) {
  const std::vector<HostCheck> hosts = preflight(plan, "", interrupts.token());
  if (interrupts.count() > 0) throw Failure{kInterrupted, "interrupted before any load"};
  bool fit = true;
  for (const HostCheck& host : hosts) {
    fit = fit && host.fault.empty();
    if (!host.fault.empty()) {
      errors.write(fmt::format("✗ {}: {}\n", host.url, printable(host.fault)));
    } else if (tell) {
      errors.write(
          fmt::format("✓ {}{}{}\n", host.url, host.remarks.empty() ? "" : ": ", printable(host.remarks)));
    }
  }
  if (!fit) throw Failure{kBadInput, kNothingLoaded};
}

/// One run, from its checked plan to its report. Members are in the order in which they come to be: the
/// server and the display outlive the fleet, so that its end can still be watched.
class Run {
 public:
  /// @param past a run that is to be gone on with.
  Run(const RunOptions& options, Plan plan, std::optional<Recording> past, Interrupts& interrupts,
      BackgroundOutput& output, BackgroundOutput& errors)
      : options_(options),
        interrupts_(interrupts),
        output_(output),
        errors_(errors),
        plan_(std::move(plan)),
        past_(std::move(past)),
        started_at_(past_ ? past_->facts.started_at : SystemClock().real_now()),
        run_id_(past_ ? past_->facts.run_id : new_run_id(started_at_, plan_.name)),
        directory_(or_fail(RunDirectory::create(options.out, plan_.name, started_at_), kBadInput)),
        metrics_(identity_of(plan_, run_id_, this_build())),
        feed_(plan_, cells_, run_id_, options.serve != "none"),
        display_(plan_, cells_, metrics_, feed_, errors, options.detail == Detail::kLine),
        record_(directory_.path(), past_ ? past_->segments + 1 : 1) {
    plan_.text_seed = past_ ? past_->plan.text_seed : new_text_seed();
    try {
      or_fail(directory_.lock(), kBadInput);
      check_free(options);  // another one may have begun and ended there since it was looked at
      if (options.force) or_fail(directory_.clear(), kBadInput);
      or_fail(directory_.write("plan.yaml", plan_.source_text), kBadInput);
      serve();
    } catch (...) {
      directory_.discard();
      throw;
    }
  }

  ExitCode execute() {
    try {
      return conduct();
    } catch (Failure& failure) {
      feed_.over(failure.message);
      if (fleet_)
        failure.agents_told = fleet_->finish({.reason = failure.message, .final = is_final(failure.code)});
      if (!telemetry_) directory_.discard();
      throw;
    }
  }

  /// What the run ends with on a terminal, in lines; empty before there is a report.
  const std::string& closing() const { return closing_; }

 private:
  ExitCode conduct() {
    // The fleet first: agents that were started with the coordinator look for it while a model loads.
    assemble();
    hold_against_caps();
    load_seconds_ = wait_for_targets();
    if (past_) load_seconds_ = past_->facts.load_seconds;
    ask_about_tokens();
    RunPast past = start();
    telemetry_.emplace(plan_, record_.path(kTelemetryFile), SystemClock().now() - fleet_->now(), run_id_,
                       record_.journal(), past_ ? std::move(past_->telemetry) : TelemetrySeries{});
    const Timeline* timeline = nullptr;
    RunLoop loop(plan_, cells_, *fleet_, hooks(timeline),
                 {.past = std::move(past), .least_agents = options_.min_agents.value_or(1)});
    timeline = &loop.timeline();
    or_fail(loop.run(), kBadInput);
    const Nanos duration = fleet_->now();
    take_telemetry(loop.timeline());
    telemetry_->stop();
    const RunFacts facts = recorded_->facts(loop, duration);
    record_.end(facts);
    close_record(loop.timeline());
    tell_of_clocks();
    const bool again = loop.interrupted() || !loop.fleet_failure().empty();
    fleet_->finish(
        {.complete = !again && loop.stopped_by().empty(), .reason = why_unfinished(loop), .final = !again});
    return report({.plan = plan_,
                   .timeline = loop.timeline(),
                   .windows = loop.windows(),
                   .facts = facts,
                   .telemetry = telemetry_->series()},
                  loop.interrupted());
  }

  void serve() {
    if (options_.serve == "none") return;
    const auto results = std::filesystem::absolute(directory_.path()).lexically_normal().parent_path();
    server_ = or_fail(RunServer::start(options_, {metrics_, feed_, run_id_, results}), kBadInput);
    const HttpServer& http = server_->http();
    if (!http.notice().empty()) display_.print(http.notice());
    display_.print(fmt::format("live page: http://{}/", http.address()));
  }

  void check_interrupts() const {
    if (interrupts_.count() > 0) throw Failure{kInterrupted, "interrupted before any load"};
    if (const std::string reason = stop_reason(); !reason.empty())
      throw Failure{kGuardRail, fmt::format("stopped before any load by a {}", reason)};
  }

  /// Who wants the run to end.
  std::string stop_reason() const { return server_ ? server_->stop_reason() : std::string(); }

  void assemble() {
    const bool local = options_.listen.empty();
    const std::size_t expected = expected_agents();
    std::vector<std::string> listen = options_.listen;
    if (local) {
      socket_ = std::make_unique<PrivateSocket>(or_fail(PrivateSocket::create(), kFleetFailed));
      listen = {socket_->address()};
    }
    fleet_ = or_fail(Fleet::listen({.listen = listen,
                                    .insecure = options_.insecure,
                                    .credentials = or_fail(FleetCredentials::load(options_.tls), kBadInput),
                                    .build = build_identity()}),
                     kBadInput);
    if (local) {
      agents_ =
          std::make_unique<LocalAgents>(or_fail(LocalAgents::spawn({.coordinator = listen.front(),
                                                                    .count = static_cast<unsigned>(expected),
                                                                    .threads = options_.threads,
                                                                    .targets = needed_hosts(plan_),
                                                                    .secrets = needed_secrets(plan_)}),
                                                kFleetFailed));
    } else {
      display_.print(fmt::format("waiting for {} on {}", plural(expected, "agent"),
                                 fmt::join(fleet_->addresses(), ", ")));
    }
    metrics_.set_agents({.awaited = expected});
    display_.waiting_for_agents(0, expected);
    or_fail(fleet_->assemble(
                {.expected = expected, .least = options_.min_agents}, options_.join_timeout,
                [this] { return check_start(); },
                [&](const AgentInfo& agent, std::size_t present) {
                  metrics_.set_agents({.awaited = expected - present, .ready = present});
                  display_.waiting_for_agents(present, expected);
                  if (!local) display_.print(fmt::format("agent {} joined from {}", agent.name, agent.peer));
                }),
            kFleetFailed);
    if (const std::size_t present = fleet_->agents(); present < expected)
      display_.print(
          fmt::format("{} of {} agents came in time: the run begins with them", present, expected));
  }

  /// How many agents there are to be.
  std::size_t expected_agents() const {
    return options_.listen.empty() ? options_.agents : options_.expect_agents;
  }

  /// A level that an agent will refuse is said before any load, not when it is reached.
  void hold_against_caps() {
    std::vector<AgentInfo> agents;
    for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) agents.push_back(fleet_->agent(i));
    const CapCheck check = check_caps(plan_, cells_, agents, expected_agents());
    if (!check.fault.empty()) throw Failure{kBadInput, check.fault + "; nothing was loaded"};
    for (const std::string& remark : check.remarks) display_.print(remark);
  }

  /// Whether the agents of this machine still run.
  Result<void> check_local_agents() {
    if (!agents_) return {};
    if (auto failure = agents_->failure()) return Error{*failure};
    return {};
  }

  /// Whether to go on, while the fleet comes together.
  Result<void> check_start() {
    check_interrupts();
    return check_local_agents();
  }

  /// What hosts tell of their tokens and what texts weigh. A host that would refuse every request is said so
  /// before it is loaded.
  void ask_about_tokens() {
    if (past_) return adopt_calibration(*past_, cells_);
    const auto tell = [this](const std::string& line) { display_.print(line); };
    const auto faults = settle_usage(plan_, cells_,
                                     {.run_id = run_id_,
                                      .stop = interrupts_.token(),
                                      .for_faults = options_.preflight && options_.listen.empty(),
                                      .tell = tell});
    if (options_.preflight && !faults.empty())
      throw Failure{kBadInput, fmt::format("{}; {}", fmt::join(faults, "; "), kNothingLoaded)};
    for (const std::string& fault : faults) tell(fault);
    calibrate(plan_, cells_, {.run_id = run_id_, .stop = interrupts_.token(), .tell = tell});
  }

  /// Hands the assignment to the fleet and opens what is recorded. @returns what there was before.
  RunPast start() {
    check_interrupts();
    recorded_.emplace(
        plan_, cells_, *fleet_, record_, system_clock(),
        RecordedRun::Identity{.run_id = run_id_, .started_at = started_at_, .load_seconds = load_seconds_},
        past_ ? &*past_ : nullptr);
    or_fail(recorded_->start([this] { return check_start(); }), kFleetFailed);
    RunPast past = or_fail(recorded_->open(), kBadInput);
    if (past_) tell_of_past(past);
    if (server_) server_->ready();
    tell_of_agents();
    metrics_.set_start_skew(start_skew());
    count_agents();
    return past;
  }

  void tell_of_past(const RunPast& past) {
    display_.print(fmt::format(
        "run {} goes on {} after its beginning: {} stand{}, and {} passed since "
        "the last second of it that is recorded",
        run_id_, format_time(recorded_->resumed()->at_seconds), plural(past.windows.size(), "row"),
        past.windows.size() == 1 ? "s" : "", format_time(recorded_->resumed()->gap_seconds)));
    for (std::size_t i = 0; i < past.windows.size(); ++i) display_.step(past.windows[i], past.rows[i]);
  }

  void tell_of_agents() {
    for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i)
      feed_.agent(i, fleet_->agent(i).name, fleet_->agent(i).peer);
  }

  void count_agents() {
    metrics_.set_agents({.running = fleet_->agents(), .lost = fleet_->agents_ever() - fleet_->agents()});
  }

  /// How far apart the agents' starts can be at most: an agent's clock offset is off by up to half of its
  /// round trip.
  Nanos start_skew() const {
    std::vector<Nanos> half_trips;
    for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) {
      half_trips.push_back(fleet_->agent(i).clock.round_trip / 2);
    }
    std::sort(half_trips.rbegin(), half_trips.rend());
    return half_trips.size() < 2 ? Nanos(0) : half_trips[0] + half_trips[1];
  }

  /// `timeline` is filled in once the loop exists.
  RunLoop::Hooks hooks(const Timeline*& timeline) {
    RunLoop::Hooks hooks = recorded_->hooks();
    hooks.on_batch = [this, record = hooks.on_batch](const BatchArrived& arrived) {
      metrics_.observe(arrived.batch);
      feed_.batch(arrived.agent, arrived.batch);
      record(arrived);
    };
    hooks.on_step = [this, record = hooks.on_step](const StepWindow& window, const Step& step) {
      record(window, step);
      display_.step(window, step);
    };
    hooks.on_progress = [this, &timeline](const Progress& progress) {
      display_.progress(progress, *timeline, telemetry_->series());
      take_telemetry(*timeline);
      take_notices();
      tell_of_ended_agents();
    };
    hooks.stop_reason = [this, told = false]() mutable {
      std::string reason = telemetry_->stop_reason();
      if (reason.empty()) reason = stop_reason();
      if (!reason.empty() && !std::exchange(told, true)) {
        display_.print(reason + "; letting running requests finish");
      }
      return reason;
    };
    hooks.on_given_up = [this](std::uint32_t cell, const std::string& why) {
      const Cell& ended = cells_.at(cell);
      display_.print(fmt::format("{} on {} ends early: {}", plan_.scenarios[ended.scenario].name,
                                 plan_.targets[ended.target].name, why));
    };
    hooks.on_agent_joined = [this, record = hooks.on_agent_joined](const AgentJoined& joined) {
      record(joined);
      count_agents();
      feed_.agent(joined.agent, fleet_->agent(joined.agent).name, fleet_->agent(joined.agent).peer);
      display_.print(
          fmt::format("agent {} joined: it gets load with the next level", fleet_->agent(joined.agent).name));
    };
    hooks.on_agent_lost = [this, record = hooks.on_agent_lost](const AgentLost& lost) {
      record(lost);
      count_agents();
      feed_.agent_lost(lost.agent, lost.reason);
      display_.print(fmt::format("agent {} lost: {}", fleet_->agent(lost.agent).name, lost.reason));
    };
    hooks.interrupts = [this, told = false]() mutable {
      const int count = interrupts_.count();
      if (count > 0 && !std::exchange(told, true)) {
        display_.print("interrupted: letting running requests finish; once more stops at once");
      }
      return count;
    };
    return hooks;
  }

  /// Agents of this machine whose process has ended need not be waited for.
  void tell_of_ended_agents() {
    if (!agents_) return;
    for (const auto& [name, how] : agents_->take_ended()) fleet_->process_ended(name, how);
  }

  void take_telemetry(const Timeline& timeline) {
    for (const std::string& line : telemetry_->take(timeline, metrics_)) display_.print(line);
  }

  static std::string why_unfinished(const RunLoop& loop) {
    if (!loop.fleet_failure().empty()) return loop.fleet_failure();
    return loop.stopped_by().empty() ? "the run was interrupted" : loop.stopped_by();
  }

  /// Waits for the targets whose `wait_ready` asks for it, all at once: they may be loading at the same time.
  /// The fleet is held meanwhile.
  std::map<std::uint32_t, double> wait_for_targets() {
    const auto waits = [](const Target& target) { return target.wait_ready.has_value(); };
    if (std::any_of(plan_.targets.begin(), plan_.targets.end(), waits)) display_.waiting_for_targets();
    const auto print = [this](const std::string& line) { display_.print(line); };
    ExitCode code = kBadInput;
    const auto check = [&]() -> Result<void> {
      if (interrupts_.count() > 0) {
        code = kInterrupted;
        return Error{"interrupted while waiting for the targets"};
      }
      auto well = check_local_agents();
      if (well) well = fleet_->hold();
      if (!well) code = kFleetFailed;
      return well;
    };
    auto loads = coordinator::wait_for_targets(plan_, SystemClock(),
                                               {.run_id = run_id_, .print = print, .check = check});
    if (!loads) throw Failure{code, loads.error().message};
    return std::move(*loads);
  }

  /// A disk that refuses, now or for good, ends no run.
  void take_notices() {
    for (const std::string& line : record_.journal().take_notices()) display_.print(line);
  }

  /// What is recorded is whole before the agents may forget it, if the disk lets it.
  void close_record(const Timeline& timeline) {
    recorded_whole_ = record_.flush();
    take_telemetry(timeline);
    take_notices();
    if (!recorded_whole_)
      display_.print("what is recorded of the run is not whole: the disk did not take it");
  }

  void tell_of_clocks() {
    for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) {
      const AgentInfo& agent = fleet_->agent(i);
      if (std::chrono::abs(agent.clock_drift) < kNoticedDrift + agent.clock.round_trip) continue;
      display_.print(fmt::format(
          "agent {}: its clock has moved by {:.0f} ms against this one since the start; its seconds "
          "were moved back",
          agent.name, to_seconds(agent.clock_drift) * 1000));
    }
  }

  /// Waits a moment until what was said of the run's progress has been written, if somebody takes it.
  static void settle(BackgroundOutput& output) {
    const MonoTime until = SystemClock().now() + kProgressPatience;
    output.flush([&] { return SystemClock().now() >= until; });
  }

  /// What was found is told first: no disk can take it away.
  ExitCode report(const Measured& measured, bool interrupted) {
    const Report report = analyse(measured);
    display_.finish(report);
    if (options_.detail != Detail::kLine) errors_.write("\n");
    settle(errors_);  // on a terminal the answer comes below the table
    const std::string directory = directory_.path().string();
    closing_ = render_ending(report, directory, Detail::kAnswer, kTextWidth);
    output_.write(options_.ending
                      ? options_.ending(report, directory_.path())
                      : render_ending(report, directory, options_.detail, answer_width(options_.detail)));
    std::vector<std::string> failed = write_results(directory_, measured, report);
    if (const auto pointed = directory_.point_latest(); !pointed) failed.push_back(pointed.error().message);
    for (const std::string& line : failed)
      errors_.write(fmt::format("kneepoint: {}\n", printable_lines(line)));
    const int interrupts = interrupts_.count();
    output_.flush([&] { return interrupts_.count() > interrupts; });
    if (const int error = output_.error(); error != 0) note_lost_output(error);
    if (!interrupted) fold(measured);
    linger(interrupted);
    return failed.empty() ? exit_code(report) : kInternalError;
  }

  /// Nobody goes on with a run that is over: what it came to is enough.
  void fold(const Measured& measured) {
    if (!recorded_whole_) return;
    const auto& [plan, timeline, windows, facts, telemetry] = measured;
    if (const auto folded = fold_recording(directory_.path(), timeline, windows, facts); !folded)
      errors_.write(fmt::format("kneepoint: {}; the recording stays as it is, which is larger\n",
                                printable_lines(folded.error().message)));
  }

  /// Stays until the last figures have been scraped twice, or the time has passed, and tells agents that come
  /// so late that the run is over.
  void linger(bool interrupted) {
    if (!server_ || interrupted || options_.linger <= Nanos(0)) return;
    const std::jthread answers([this](const std::stop_token& stop) {
      fleet_->see_off(SIZE_MAX, options_.linger, [&]() -> Result<void> {
        if (stop.stop_requested()) return Error{"scraped"};
        return {};
      });
    });
    server_->http().wait_scraped(2, SystemClock().now() + options_.linger, interrupts_.token());
  }

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

/// How a run ended, for its supervisor.
struct Ending {
  std::string words;
  ExitCode code;
};

Ending run(const RunOptions& options, Interrupts& interrupts, BackgroundOutput& output,
           BackgroundOutput& errors) {
  Plan plan = load_plan_of(options);
  std::optional<Recording> past;
  check_options(options);
  if (options.resume) past = or_fail(find_run(options.out.value(), plan), kBadInput);
  if (past && is_over(*past)) {
    const std::string words = fmt::format("run {} is over: nothing is loaded\n", past->facts.run_id);
    if (options.detail != Detail::kLine) errors.write(words);
    const auto code = static_cast<ExitCode>(
        replay_command({.directory = *options.out, .out = {}, .detail = options.detail}));
    // The coordinator before this one may have been killed before it could tell them.
    see_off_agents(options, end_of(past->facts), 0, interrupts);
    return {words, code};
  }
  // Local agents read the same environment: say now what they would refuse later.
  if (options.listen.empty()) {
    or_fail(check_secrets(plan), kBadInput);
    if (options.preflight) ask_hosts(plan, options.detail != Detail::kLine, interrupts, errors);
  }
  Run run(options, std::move(plan), std::move(past), interrupts, output, errors);
  const ExitCode code = run.execute();
  return {run.closing(), code};
}

}  // namespace

int run_command(const RunOptions& options) {
  umask(077);  // prompts and figures are their owner's
  raise_descriptor_limit();
  // Nothing in a run waits for whoever reads what it says.
  static BackgroundOutput output(STDOUT_FILENO);
  static BackgroundOutput errors(STDERR_FILENO);
  log_to(errors, "kneepoint", "warn");
  const auto end = [&](const std::string& words, ExitCode code) {
    if (options.termination_message.empty()) return code;
    if (const auto left = write_termination_message(options.termination_message, words, code); !left)
      errors.write(fmt::format("kneepoint: {}\n", printable_lines(left.error().message)));
    return code;
  };
  Interrupts interrupts;
  try {
    const Ending ending = run(options, interrupts, output, errors);
    return end(ending.words, ending.code);
  } catch (const Failure& failure) {
    const std::string line = fmt::format("kneepoint: {}\n", printable_lines(failure.message));
    errors.write(line);
    const int code = end(line, failure.code);
    if (is_final(failure.code))
      see_off_agents(options, {.reason = failure.message, .final = true}, failure.agents_told, interrupts);
    return code;
  }
}

}  // namespace kneepoint::coordinator
