// Any bytes sent to the port of the live page: what is not shown the token says nothing of a run, nothing
// beside the results folder is ever read, and whatever comes back is HTTP.
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "common/serve/http_server.h"
#include "coordinator/live/live_site.h"
#include "coordinator/live/past_runs.h"

namespace {

using namespace kneepoint;
using namespace kneepoint::coordinator;
namespace fs = std::filesystem;

constexpr std::string_view kToken = "t0ken", kOfRun = "a-page-of-a-run", kBeside = "a-file-beside";

/// A server as `kneepoint serve` starts one, over a folder with one run.
class Server {
 public:
  Server() {
    std::string pattern = (fs::temp_directory_path() / "page-fuzz-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    fs::create_directories(root_ / "runs" / "one");
    std::ofstream(root_ / "report.html") << kBeside;
    std::ofstream(root_ / "report.json") << kBeside;
    std::ofstream(root_ / "runs" / "one" / "report.html") << kOfRun;
    std::ofstream(root_ / "runs" / "one" / "report.json") << "{}";
    past_ = std::make_unique<PastRuns>(root_ / "runs");
    HttpServer::Routes routes;
    HttpServer::Options options{.token = std::string(kToken)};
    add_live_site(routes, options, *past_, nullptr);
    options.posts["/stop"] = [](const HttpRequest&) { return HttpResponse{.body = std::string(kOfRun)}; };
    auto server = HttpServer::start({.host = "127.0.0.1", .port = 0}, std::move(routes), std::move(options));
    if (!server) std::abort();
    server_ = *std::move(server);
  }
  ~Server() { fs::remove_all(root_); }

  /// All that comes back for these bytes and the end of what is sent.
  std::string answer(std::string_view bytes) const {
    const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) std::abort();
    // No TIME_WAIT: a port would be held for a minute by each of thousands of inputs a second.
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    while (!bytes.empty()) {
      const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;  // it is refused already
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    shutdown(connection, SHUT_WR);
    std::string all;
    std::array<char, 16384> piece{};
    for (ssize_t size = 0; (size = recv(connection, piece.data(), piece.size(), 0)) > 0;)
      all.append(piece.data(), static_cast<std::size_t>(size));
    close(connection);
    return all;
  }

 private:
  fs::path root_;
  std::unique_ptr<PastRuns> past_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Server server;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string answer = server.answer(bytes);
  if (!answer.empty() && !answer.starts_with("HTTP/1.")) std::abort();
  if (answer.find(kBeside) != answer.npos) std::abort();
  const bool shown = bytes.find(kToken) != bytes.npos;
  if (!shown && answer.find(kOfRun) != answer.npos) std::abort();
  if (!shown && answer.find("\"runs\":") != answer.npos) std::abort();
  return 0;
}
