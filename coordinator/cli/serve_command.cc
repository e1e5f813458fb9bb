#include "coordinator/cli/serve_command.h"

#include <fmt/format.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <utility>

#include "common/serve/http_token.h"
#include "coordinator/cli/failure.h"
#include "coordinator/cli/interrupts.h"
#include "coordinator/cli/run_server.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/live/live_site.h"
#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {
namespace {

void wait_for(const std::stop_token& interrupted) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, interrupted, [] { return false; });
}

}  // namespace

int serve_command(const ServeOptions& options) {
  if (std::error_code error; !std::filesystem::is_directory(options.folder, error))
    return refuse(
        fmt::format("{}: no folder there; name the one that holds run directories", options.folder));
  ListenAddress address;
  if (!options.serve.empty()) {
    const auto given = parse_listen_address(options.serve);
    if (!given) return refuse(given.error().message);
    address = *given;
  }
  auto token = http_token(options.http_token_file);
  if (!token) return refuse(token.error().message);
  const Interrupts interrupts;
  PastRuns past(options.folder);
  HttpServer::Routes routes;
  HttpServer::Options how{.token = *std::move(token), .insecure = options.insecure};
  add_live_site(routes, how, past, nullptr);
  const auto server = HttpServer::start(address, std::move(routes), std::move(how));
  if (!server) return refuse(server.error().message);
  say(fmt::format("the runs of {} are shown at http://{}/ until Ctrl-C\n", options.folder,
                  (*server)->address()));
  finish_output(kDone);
  wait_for(interrupts.token());
  return kDone;
}

}  // namespace kneepoint::coordinator
