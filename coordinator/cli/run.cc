#include "coordinator/cli/run.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "common/build_identity.h"
#include "coordinator/run/run_facts.h"

namespace kneepoint::coordinator {

void refuse_taken(const RunOptions& options) {
  if (options.out && !options.resume && !options.force)
    or_fail(RunDirectory::refuse_taken(*options.out), kBadInput);
}

Run::Run(const RunOptions& options, Plan plan, std::optional<Recording> past, Interrupts& interrupts,
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
    refuse_taken(options);  // another one may have begun and ended there since it was looked at
    if (options.force) or_fail(directory_.clear(), kBadInput);
    or_fail(directory_.write("plan.yaml", plan_.source_text), kBadInput);
    serve();
  } catch (...) {
    directory_.discard();
    throw;
  }
}

ExitCode Run::execute() {
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

ExitCode Run::conduct() {
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

void Run::serve() {
  if (options_.serve == "none") return;
  const auto results = std::filesystem::absolute(directory_.path()).lexically_normal().parent_path();
  server_ = or_fail(RunServer::start(options_, {metrics_, feed_, run_id_, results}), kBadInput);
  const HttpServer& http = server_->http();
  if (!http.notice().empty()) display_.print(http.notice());
  display_.print(fmt::format("live page: http://{}/", http.address()));
}

void Run::count_agents() {
  metrics_.set_agents({.running = fleet_->agents(), .lost = fleet_->agents_ever() - fleet_->agents()});
}

RunLoop::Hooks Run::hooks(const Timeline*& timeline) {
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

void Run::tell_of_ended_agents() {
  if (!agents_) return;
  for (const auto& [name, how] : agents_->take_ended()) fleet_->process_ended(name, how);
}

void Run::take_telemetry(const Timeline& timeline) {
  for (const std::string& line : telemetry_->take(timeline, metrics_)) display_.print(line);
}

std::string Run::why_unfinished(const RunLoop& loop) {
  if (!loop.fleet_failure().empty()) return loop.fleet_failure();
  if (!loop.stopped_by().empty()) return loop.stopped_by();
  return loop.interrupted() ? "the run was interrupted" : "";
}

void Run::take_notices() {
  for (const std::string& line : record_.journal().take_notices()) display_.print(line);
}

}  // namespace kneepoint::coordinator
