#include "coordinator/cli/run_server.h"

#include <utility>

#include "common/serve/http_token.h"
#include "coordinator/live/live_site.h"

namespace kneepoint::coordinator {

Result<std::unique_ptr<RunServer>> RunServer::start(const RunOptions& options, const Subject& subject) {
  ListenAddress address;
  if (options.serve) {
    const auto given = parse_listen_address(*options.serve);
    if (!given) return given.error();
    address = *given;
  }
  auto token = http_token(options.http_token_file);
  if (!token) return token.error();

  std::unique_ptr<RunServer> server(new RunServer(subject));
  HttpServer::Routes routes;
  HttpServer::Options how{.token = *std::move(token), .insecure = options.insecure};
  routes["/ready"] = [&ready = server->ready_](const HttpRequest&) {
    if (ready) return HttpResponse{.body = "the fleet is complete\n"};
    return HttpResponse{.status = 503, .body = "the fleet is not complete yet\n"};
  };
  routes["/metrics"] = [&metrics = subject.metrics](const HttpRequest&) {
    return HttpResponse{.content_type = std::string(Exposition::kContentType), .body = metrics.text()};
  };
  how.posts["/stop"] = [&stop = server->stop_](const HttpRequest& request) { return stop.ask(request); };
  add_live_site(routes, how, server->past_, &subject.feed);
  auto http = HttpServer::start(address, std::move(routes), std::move(how));
  if (!http) return http.error();
  server->http_ = *std::move(http);
  return server;
}

}  // namespace kneepoint::coordinator
