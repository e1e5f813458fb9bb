#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/build_identity.h"
#include "common/fleet_link.h"
#include "common/log.h"
#include "common/plural.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/compare_command.h"
#include "coordinator/cli/completion.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/init_command.h"
#include "coordinator/cli/quick_command.h"
#include "coordinator/cli/replay_command.h"
#include "coordinator/cli/run_command.h"
#include "coordinator/cli/serve_command.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/cli/suggest.h"
#include "coordinator/plan/duration.h"
#include "coordinator/results/exit_code.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::coordinator;

/// An option that takes a duration as plans write them.
void add_duration(CLI::App& app, const std::string& name, Nanos& value, const std::string& help) {
  CLI::callback_t read = [&value, name](const CLI::results_t& texts) {
    const auto parsed = parse_duration(texts.front());
    if (!parsed)
      throw CLI::ValidationError(name,
                                 fmt::format("'{}' is no duration; write {}", texts.front(), kDurationHelp));
    value = *parsed;
    return true;
  };
  app.add_option(name, std::move(read), help)->type_name("DURATION");
}

/// The same for one that need not be given.
void add_duration(CLI::App& app, const std::string& name, std::optional<Nanos>& value,
                  const std::string& help) {
  CLI::callback_t read = [&value, name](const CLI::results_t& texts) {
    value = parse_duration(texts.front());
    if (!value || *value <= Nanos(0)) {
      throw CLI::ValidationError(name,
                                 fmt::format("'{}' is no duration; write {}", texts.front(), kDurationHelp));
    }
    return true;
  };
  app.add_option(name, std::move(read), help)->type_name("DURATION");
}

/// What a program reads instead of what a person does. @param json called where that is asked for.
CLI::Option* add_format(CLI::App& app, std::function<void()> json) {
  CLI::callback_t read = [json = std::move(json)](const CLI::results_t& texts) {
    if (texts.front() == "json") json();
    return true;
  };
  return app.add_option("--format", std::move(read), "What is printed: text (default) or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json"}));
}

/// How much of a report is printed, and for whom.
void add_detail(CLI::App& app, Detail& detail) {
  auto* format = add_format(app, [&] { detail = Detail::kJson; });
  auto* full = app.add_flag_callback(
      "--full", [&] { detail = Detail::kAll; }, "Print the whole report at the end");
  app.add_flag_callback(
         "--quiet", [&] { detail = Detail::kLine; }, "Print one line, the result")
      ->excludes(full)
      ->excludes(format);
  full->excludes(format);
}

/// Which hosts to ask.
void add_hosts(CLI::App& app, HostsToProbe& hosts) {
  app.add_option("URL", hosts.urls, "Base URLs of replicas, as http://gpu-1:8000")->required();
  app.add_option("--model", hosts.model, "Which of their models (default: the first)");
  app.add_option("--token-env", hosts.token_env, "Environment variable with the hosts' bearer token");
}

/// `kneepoint help [COMMAND]`
int print_help(const CLI::App& app, const std::string& topic) {
  for (const CLI::App* each : app.get_subcommands({})) {
    if (each->get_name() != topic) continue;
    say_wrapped(each->help("kneepoint"));
    return kDone;
  }
  if (!topic.empty()) return refuse(fmt::format("there is no command '{}'; see kneepoint --help", topic));
  // app.help() would be that of the command that was given, which is this one.
  say_wrapped(app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal));
  return kDone;
}

int dispatch(int argc, char** argv) {
  CLI::App app{
      "Finds the concurrency at which an LLM serving host saturates, and says why.\n\n"
      "A first look, without a plan: kneepoint quick http://HOST:PORT\n\n"
      "exit codes: 0 done, 1 internal error, 2 bad usage or plan, or a target is not ready: nothing was "
      "loaded, 3 no trustworthy verdict, 4 a threshold missed, 5 fleet not assembled or lost, 6 stopped by a "
      "guard rail or on the live page, 130 interrupted",
      "kneepoint"};
  app.set_version_flag("--version", build_description());
  app.require_subcommand(1);

  std::string plan;
  std::vector<std::string> set;
  RunOptions run;
  CLI::App& run_app = *app.add_subcommand("run", "Run a plan and report");
  run_app.add_option("PLAN", run.plan, "The plan, a YAML file; - for standard input")->required();
  run_app.add_option("--set", run.set, "NAME=VALUE for ${NAME} in the plan; repeatable");
  run_app.add_option("--alternate", run.alternate,
                     "Another plan: its target and that of PLAN take turns, step by step, to be compared");
  run_app
      .add_option("--fail-on", run.fail_on,
                  "Exit with 4 where a figure is past a limit, as ttft_p95@32>500ms, errors>1% or n_slo<32; "
                  "repeatable")
      ->type_name("EXPR")
      ->allow_extra_args(false);
  auto* out = run_app.add_option("--out", run.out, "Directory for the results (default: runs/<UTC>-<plan>)");
  run_app
      .add_flag("--resume", run.resume,
                "Go on with the run in --out whose coordinator was killed; begin it where there is none")
      ->needs(out);
  run_app.add_flag("--force", run.force, "Replace the run that lies in --out")
      ->needs(out)
      ->excludes("--resume");
  auto* agents = run_app.add_option("--agents", run.agents, "Local agent processes")
                     ->check(CLI::Range(1, 256))
                     ->capture_default_str();
  run_app.add_option("--threads", run.threads, "Event-loop threads of each local agent")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  auto* listen =
      run_app
          .add_option("--listen", run.listen,
                      "HOST:PORT or unix:PATH to await agents on, instead of starting local ones; repeatable")
          ->excludes(agents);
  auto* expect = run_app.add_option("--expect-agents", run.expect_agents, "How many agents make the fleet")
                     ->check(CLI::Range(1, 10'000))
                     ->needs(listen);
  listen->needs(expect);
  run_app
      .add_option("--min-agents", run.min_agents,
                  "So many may begin once --join-timeout has passed, and with fewer the run ends "
                  "(default: all of them, and 1)")
      ->check(CLI::Range(1, 10'000));
  run_app.add_flag("--insecure", run.insecure,
                   "Allow plain TCP, and --serve without a token, beyond this machine");
  run_app
      .add_option("--tls-cert", run.tls.cert,
                  "The coordinator's certificate (PEM), for mutual TLS with agents")
      ->needs(listen);
  run_app.add_option("--tls-key", run.tls.key, "Its key (PEM)")->needs(listen);
  run_app.add_option("--tls-ca", run.tls.ca, "The authority that agents' certificates must come from (PEM)")
      ->needs(listen);
  add_duration(run_app, "--join-timeout", run.join_timeout, "How long to wait for the fleet (default: 60s)");
  run_app.add_option("--serve", run.serve,
                     "HOST:PORT for the live page, /metrics and /ready, or 'none' (default: 127.0.0.1:9464)");
  run_app.add_option(
      "--http-token-file", run.http_token_file,
      "A file with the bearer token that --serve wants to be shown; beyond loopback it is needed");
  add_duration(run_app, "--linger", run.linger,
               "Stay after the run until scraped twice, at most so long (default: 0s)");
  run_app.add_option("--termination-message", run.termination_message,
                     "A file that gets the closing lines, too: verdict, report, exit code (in a pod: "
                     "/dev/termination-log)");
  add_detail(run_app, run.detail);
  bool no_preflight = false;
  run_app.add_flag("--no-preflight", no_preflight,
                   "Load hosts also where a first question shows that they are not fit");

  CLI::App& validate_app = *app.add_subcommand("validate", "Check a plan and print it as understood");
  validate_app.add_option("PLAN", plan, "The plan, a YAML file; - for standard input")->required();
  validate_app.add_option("--set", set, "NAME=VALUE for ${NAME} in the plan; repeatable");

  bool validate_json = false;
  add_format(validate_app, [&] { validate_json = true; });

  std::string path;
  CLI::App& report_app = *app.add_subcommand("report", "Print the report of a finished run again");
  report_app.add_option("DIR", path, "A run directory, or a report.json")->required();
  Detail detail = Detail::kAnswer;
  add_detail(report_app, detail);
  std::optional<std::filesystem::path> llmd;
  report_app.add_option("--llm-d", llmd,
                        "Directory for the valid rows as benchmark reports of llm-d-benchmark");

  ReplayOptions replay;
  CLI::App& replay_app =
      *app.add_subcommand("replay", "Analyse a recorded run again and report, also one that was killed");
  replay_app.add_option("DIR", replay.directory, "A run directory")->required();
  replay_app.add_option("--out", replay.out, "Directory for the results (default: DIR, replacing them)");
  add_detail(replay_app, replay.detail);

  CompareOptions compare;
  CLI::App& compare_app =
      *app.add_subcommand("compare", "Compare two or more runs: differences, intervals, significance");
  compare_app
      .add_option("RUN", compare.runs,
                  "Run directories or report.json files, the base first; RUN@TARGET takes one target. A run "
                  "whose targets took turns may stand alone")
      ->required()
      ->expected(1, -1);
  compare_app.add_option("--out", compare.out,
                         "Directory for compare.html, compare.md, compare.txt and compare.json");
  compare_app
      .add_option("--fail-on", compare.fail_on,
                  "Exit with 4 where a significant difference is past a limit, as throughput<-5% or "
                  "ttft_p95>+10%; repeatable")
      ->type_name("EXPR")
      ->allow_extra_args(false);
  auto* compare_quiet = compare_app.add_flag("--quiet", compare.quiet,
                                             "Print one line: what differs, or which threshold failed");
  add_format(compare_app, [&] { compare.json = true; })->excludes(compare_quiet);
  compare_app.add_flag("--ignore-significance", compare.ignore_significance,
                       "Let --fail-on count differences that may be chance, too");

  InitOptions init;
  CLI::App& init_app =
      *app.add_subcommand("init", "Ask running hosts what they are, and write a plan to start from");
  add_hosts(init_app, init.hosts);
  init_app.add_option("--output", init.output, "The plan's file; must not be there yet (default: printed)");
  init_app.add_flag("--quick", init.quick,
                    "The plan of kneepoint quick: fixed steps, to be shortened by --set");

  QuickOptions quick;
  CLI::App& quick_app =
      *app.add_subcommand("quick", "A first look at a running host, without a plan: about a minute");
  add_hosts(quick_app, quick.hosts);
  auto* loads = quick_app.add_option("-c,--concurrency", quick.loads,
                                     "Requests in flight, rising (default: 1,8,16,32,64,128)");
  add_duration(quick_app, "--for", quick.length, "How long in all (default: 60s; with --search 5m)");
  quick_app.add_option("--input", quick.shape.input_tokens, "Tokens of a prompt")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  quick_app.add_option("--output", quick.shape.output_tokens, "Tokens of an answer, on average")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  quick_app
      .add_option("--slo", quick.shape.slo, "A limit, repeatable (default: ttft_p95<500ms and tpot_p95<50ms)")
      ->type_name("LIMIT")
      ->allow_extra_args(false);
  quick_app.add_flag("--search", quick.shape.search, "Look for the saturation point instead of fixed steps")
      ->excludes(loads);
  add_detail(quick_app, quick.detail);

  ServeOptions serve;
  CLI::App& serve_app = *app.add_subcommand("serve", "Show the finished runs of a folder in a browser");
  serve_app.add_option("RESULTS_DIR", serve.folder, "The folder that holds run directories")
      ->capture_default_str();
  serve_app.add_option("--serve", serve.serve, "HOST:PORT for the page (default: 127.0.0.1:9464)");
  serve_app.add_option("--http-token-file", serve.http_token_file,
                       "A file with the bearer token that clients show; beyond loopback it is needed");
  serve_app.add_flag("--insecure", serve.insecure, "Serve without a token beyond this machine");

  std::string topic;
  CLI::App& help_app = *app.add_subcommand("help", "Print the help of a command");
  help_app.add_option("COMMAND", topic, "Which (default: kneepoint itself)");
  CLI::App& version_app = *app.add_subcommand("version", "Print the version");

  std::string schema;
  CLI::App& schema_app = *app.add_subcommand(
      "schema", "Print the JSON Schema of plans or of report.json, for editors and checks");
  schema_app.add_option("OF", schema, "plan or report")->required()->check(CLI::IsMember({"plan", "report"}));

  std::string shell;
  CLI::App& completion_app =
      *app.add_subcommand("completion", "Print the script that completes kneepoint in a shell");
  completion_app.add_option("SHELL", shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    say_wrapped(app.help());
    return kDone;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream asked_for;  // std::cout would forget why it could not be written
    const int code = app.exit(success, asked_for);
    say_wrapped(asked_for.str());
    return code;
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "kneepoint: {}\n", explain_mistake(app, error, words));
    return kBadInput;
  }
  if (help_app.parsed()) return print_help(app, topic);
  if (version_app.parsed()) {
    say(fmt::format("{}\n", build_description()));
    return kDone;
  }
  if (completion_app.parsed()) {
    say(completion_script(app, shell).value_or(""));
    return kDone;
  }
  if (schema_app.parsed()) return schema_command(schema);
  run.preflight = !no_preflight;
  if (run_app.parsed()) {
    const std::size_t whole = run.listen.empty() ? run.agents : run.expect_agents;
    if (run.min_agents.value_or(1) > whole)
      return refuse(fmt::format("--min-agents {} is more than the {} of the fleet; ask for fewer",
                                *run.min_agents, plural(whole, "agent")));
    return run_command(run);
  }
  if (validate_app.parsed()) return validate_command(plan, set, validate_json);
  if (replay_app.parsed()) return replay_command(replay);
  if (init_app.parsed()) return init_command(init);
  if (quick_app.parsed()) return quick_command(quick);
  if (serve_app.parsed()) return serve_command(serve);
  if (compare_app.parsed()) return compare_command(compare);
  return report_command(path, detail, llmd);
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that leaves (`kneepoint run … | head`, a scraper) must not end a measurement.
  std::signal(SIGPIPE, SIG_IGN);
  hold_standard_descriptors();
  // Strangers at the fleet's port must not fill the terminal.
  fleet_link::prepare_grpc();
  set_log_pattern("[%Y-%m-%d %H:%M:%S.%e] [%^%l%$] %*");
  try {
    return finish_output(dispatch(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "kneepoint: internal error: {}\n", error.what());
    return kInternalError;
  }
}
