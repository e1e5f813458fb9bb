// A run up to its first level: the fleet comes together, the hosts are asked.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/build_identity.h"
#include "common/plural.h"
#include "coordinator/calibration/calibrate.h"
#include "coordinator/calibration/settle_usage.h"
#include "coordinator/cli/run.h"
#include "coordinator/cli/wait_for_targets.h"
#include "coordinator/fleet/caps.h"
#include "coordinator/plan/needs.h"
#include "coordinator/recording/resume.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {

void Run::check_interrupts() const {
  if (interrupts_.count() > 0) throw Failure{kInterrupted, "interrupted before any load"};
  if (const std::string reason = stop_reason(); !reason.empty())
    throw Failure{kGuardRail, fmt::format("stopped before any load by a {}", reason)};
}

void Run::assemble() {
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
    display_.print(
        fmt::format("waiting for {} on {}", plural(expected, "agent"), fmt::join(fleet_->addresses(), ", ")));
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
    display_.print(fmt::format("{} of {} agents came in time: the run begins with them", present, expected));
}

std::size_t Run::expected_agents() const {
  return options_.listen.empty() ? options_.agents : options_.expect_agents;
}

void Run::hold_against_caps() {
  std::vector<AgentInfo> agents;
  for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) agents.push_back(fleet_->agent(i));
  const CapCheck check = check_caps(plan_, cells_, agents, expected_agents());
  if (!check.fault.empty()) throw Failure{kBadInput, check.fault + "; nothing was loaded"};
  for (const std::string& remark : check.remarks) display_.print(remark);
}

Result<void> Run::check_local_agents() {
  if (!agents_) return {};
  if (auto failure = agents_->failure()) return Error{*failure};
  return {};
}

Result<void> Run::check_start() {
  check_interrupts();
  return check_local_agents();
}

void Run::ask_about_tokens() {
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

RunPast Run::start() {
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

void Run::tell_of_past(const RunPast& past) {
  display_.print(
      fmt::format("run {} goes on {} after its beginning: {} stand{}, and {} passed since "
                  "the last second of it that is recorded",
                  run_id_, format_time(recorded_->resumed()->at_seconds), plural(past.windows.size(), "row"),
                  past.windows.size() == 1 ? "s" : "", format_time(recorded_->resumed()->gap_seconds)));
  for (std::size_t i = 0; i < past.windows.size(); ++i) display_.step(past.windows[i], past.rows[i]);
}

void Run::tell_of_agents() {
  for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i)
    feed_.agent(i, fleet_->agent(i).name, fleet_->agent(i).peer);
}

Nanos Run::start_skew() const {
  std::vector<Nanos> half_trips;
  for (std::uint32_t i = 0; i < fleet_->agents_ever(); ++i) {
    half_trips.push_back(fleet_->agent(i).clock.round_trip / 2);
  }
  std::sort(half_trips.rbegin(), half_trips.rend());
  return half_trips.size() < 2 ? Nanos(0) : half_trips[0] + half_trips[1];
}

std::map<std::uint32_t, double> Run::wait_for_targets() {
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

}  // namespace kneepoint::coordinator
