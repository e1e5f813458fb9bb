#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <utility>

#include "agent/load/run_controller.h"
#include "agent/session/agent_metrics.h"
#include "agent/session/agent_session.h"
#include "agent/session/process.h"
#include "common/background_output.h"
#include "common/build_identity.h"
#include "common/descriptor_limit.h"
#include "common/fleet_link.h"
#include "common/fleet_tls.h"
#include "common/printable.h"
#include "common/serve/http_server.h"
#include "common/serve/http_token.h"

namespace {

using kneepoint::agent::AgentMetrics;
using kneepoint::agent::AgentSession;
using kneepoint::agent::ExitCode;

std::string default_name() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return fmt::format("{}-{}", host.data(), getpid());
}

/// @param where as --serve has it; "none": nothing is served, and there is no server.
kneepoint::Result<std::unique_ptr<kneepoint::HttpServer>> serve_metrics(const std::string& where,
                                                                        const std::string& token_file,
                                                                        bool insecure,
                                                                        const AgentMetrics& metrics) {
  if (where == "none") return std::unique_ptr<kneepoint::HttpServer>();
  const auto address = kneepoint::parse_listen_address(where);
  if (!address) return address.error();
  auto token = kneepoint::http_token(token_file);
  if (!token) return token.error();
  const auto show = [&metrics](const kneepoint::HttpRequest&) {
    return kneepoint::HttpResponse{.content_type = std::string(kneepoint::Exposition::kContentType),
                                   .body = metrics.text()};
  };
  return kneepoint::HttpServer::start(*address, {{"/metrics", show}},
                                      {.token = *std::move(token), .insecure = insecure});
}

}  // namespace

int main(int argc, char** argv) {
  std::string coordinator;
  std::string name = default_name();
  std::string log_level = "info";
  bool insecure = false;
  double join_timeout = 60;
  pid_t parent = 0;
  AgentSession::Options options;

  CLI::App app{
      "Kneepoint's load generator: joins a coordinator, carries out its load levels, reports every second."};
  app.footer(
      "Exit codes: 0 the run is over, 1 internal error, 2 bad usage or a missing secret,\n"
      "            3 the run is over for good without having been completed,\n"
      "            5 turned away, coordinator lost, or the run broken off,\n"
      "            7 no coordinator was found, 130 interrupted.");
  app.set_version_flag("--version", kneepoint::build_description());
  app.add_option("--coordinator", coordinator, "Where it listens: HOST:PORT or unix:PATH")->required();
  app.add_flag("--insecure", insecure, "Allow plain TCP, and --serve without a token, beyond this machine");
  kneepoint::FleetTlsFiles tls;
  app.add_option("--tls-cert", tls.cert, "This agent's certificate (PEM); --name must be a DNS name in it");
  app.add_option("--tls-key", tls.key, "Its key (PEM)");
  app.add_option("--tls-ca", tls.ca, "The authority that the coordinator's certificate must come from (PEM)");
  app.add_option("--threads", options.threads, "Event-loop threads")
      ->check(CLI::Range(1u, kneepoint::kMostThreads))
      ->capture_default_str();
  std::vector<std::string> targets;
  app.add_option(
         "--allow-target", targets,
         "What a coordinator may have this agent load: HOST, *.DOMAIN, ADDRESS, RANGE, 'private' or 'any', "
         "each with or without :PORT; repeatable (default: private, which is loopback and private ranges)")
      ->allow_extra_args(false);
  app.add_option(
         "--allow-secret", options.permissions.secrets,
         "An environment variable, a file, or a folder (PATH/) that a plan may name for tokens and TLS; "
         "repeatable (default: none)")
      ->allow_extra_args(false);
  options.permissions.caps.max_streams = 65'536;
  options.permissions.caps.max_rate = 100'000;
  app.add_option("--max-streams", options.permissions.caps.max_streams,
                 "The most streams it holds at once; 0: no limit")
      ->capture_default_str();
  app.add_option("--max-rate", options.permissions.caps.max_rate,
                 "The most requests a second of an open loop that it sends; 0: no limit")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  std::string serve = "none";
  std::string http_token_file;
  app.add_option("--serve", serve, "HOST:PORT for its own /metrics, or 'none'")->capture_default_str();
  app.add_option("--http-token-file", http_token_file,
                 "A file with the bearer token that --serve wants to be shown; beyond loopback it is needed");
  app.add_option("--name", name, "Unique in the fleet")
      ->check([](const std::string& text) {
        const auto fit = kneepoint::fleet_link::check_name(text);
        return fit ? std::string() : fit.error().message;
      })
      ->capture_default_str();
  app.add_option("--join-timeout", join_timeout, "How long to look for the coordinator")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, double>{{"s", 1}, {"m", 60}, {"ms", 1e-3}}))
      ->check(CLI::Range(0.001, 86'400.0))
      ->default_str("60s");
  app.add_option("--log-level", log_level)
      ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.add_option("--die-with-parent", parent, "End with the process of this id, which must be the parent");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  // Nothing here waits for whoever reads what is said: a stopped terminal must stop no part of an agent.
  static kneepoint::BackgroundOutput output(STDERR_FILENO);
  const auto fail = [](ExitCode code, const std::string& line) {
    output.write(fmt::format("kneepoint-agent: {}\n", kneepoint::printable_lines(line)));
    return static_cast<int>(code);
  };

  const auto endpoint = kneepoint::parse_endpoint(coordinator);
  if (!endpoint) return fail(ExitCode::kUsage, endpoint.error().message);
  const auto credentials = kneepoint::FleetCredentials::load(tls);
  if (!credentials) return fail(ExitCode::kUsage, credentials.error().message);
  const auto allowed = kneepoint::check_plaintext(*endpoint, insecure || *credentials);
  if (!allowed) return fail(ExitCode::kUsage, allowed.error().message);
  auto policy = kneepoint::agent::TargetPolicy::parse(targets);
  if (!policy) return fail(ExitCode::kUsage, policy.error().message);
  const auto allowed_targets = std::make_shared<const kneepoint::agent::TargetPolicy>(*std::move(policy));
  if (parent != 0 && !kneepoint::agent::die_with_parent(parent))
    return fail(ExitCode::kFleet, "the parent process has ended");

  if (const auto enough = kneepoint::check_descriptor_limit(); !enough)
    return fail(ExitCode::kUsage, enough.error().message);
  kneepoint::log_to(output, name, log_level);
  kneepoint::fleet_link::prepare_grpc();
  if (!kneepoint::raise_descriptor_limit()) {
    spdlog::warn("the limit of open files stays at its soft value");
  }
  kneepoint::agent::block_stop_signals();

  try {
    options.coordinator = *endpoint;
    options.credentials = *credentials;
    options.build = kneepoint::build_identity();
    options.name = name;
    options.join_timeout = kneepoint::from_seconds(join_timeout);
    options.lease = std::make_shared<kneepoint::agent::Lease>();
    AgentMetrics metrics(kneepoint::this_build(), options.lease, kneepoint::system_clock());
    const auto server = serve_metrics(serve, http_token_file, insecure, metrics);
    if (!server) return fail(ExitCode::kUsage, server.error().message);
    if (*server) {
      options.metrics = &metrics;
      spdlog::info("metrics at http://{}/metrics", (*server)->address());
    }
    AgentSession session(options, [&](kneepoint::Assignment assignment, std::vector<kneepoint::Keys> keys,
                                      std::function<void(kneepoint::agent::LevelDone)> on_level_done) {
      return std::make_unique<kneepoint::agent::RunController>(
          std::move(assignment), std::move(keys),
          kneepoint::agent::RunController::Options{.threads = options.threads,
                                                   .targets = allowed_targets,
                                                   .lease = options.lease,
                                                   .on_level_done = std::move(on_level_done)});
    });
    const kneepoint::agent::StopSignals signals(
        [&](std::string name_of_signal) { session.request_stop(std::move(name_of_signal)); });
    const auto end = session.run();
    return end.reason.empty() ? static_cast<int>(end.code) : fail(end.code, end.reason);
  } catch (const std::exception& problem) {
    return fail(ExitCode::kInternal, problem.what());
  }
}
