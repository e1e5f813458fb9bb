#include "coordinator/cli/run_command.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "common/descriptor_limit.h"
#include "common/printable.h"
#include "common/secrets.h"
#include "coordinator/cli/replay_command.h"
#include "coordinator/cli/run.h"
#include "coordinator/cli/see_off_agents.h"
#include "coordinator/cli/termination_message.h"
#include "coordinator/init/preflight.h"
#include "coordinator/plan/alternate.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/threshold.h"
#include "coordinator/recording/resume.h"

namespace kneepoint::coordinator {
namespace {

Plan load_plan_of(const RunOptions& options) {
  const Variables variables = or_fail(variables_from_flags(options.set), kBadInput);
  Plan plan = or_fail(load_plan(options.plan, variables), kBadInput);
  if (!options.alternate.empty()) {
    const Plan other = or_fail(load_plan(options.alternate, variables), kBadInput);
    plan = or_fail(alternate(std::move(plan), other), kBadInput);
  }
  for (const std::string& text : options.fail_on) {
    plan.thresholds.push_back(or_fail(parse_threshold(text, ThresholdUse::kRun), kBadInput));
    or_fail(check_load(plan.thresholds.back(), plan.scenarios), kBadInput);
  }
  return plan;
}

/// What agents hear of a run that is over.
Fleet::End end_of(const RunFacts& facts) {
  const std::string& why = facts.fleet_failure.empty() ? facts.stopped_by : facts.fleet_failure;
  return {.complete = why.empty(), .reason = why, .final = true};
}

/// What is wrong with the options is said before any host is asked.
void check_options(const RunOptions& options) {
  refuse_taken(options);
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
    or_fail(check_descriptor_limit(), kBadInput);
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
