#include "agent/load/run_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "common/request_json.h"
#include "common/version.h"

namespace kneepoint::agent {
namespace {

/// For names that nothing answers for; the address is judged again at every connect.
constexpr Nanos kLookUpPatience = std::chrono::seconds(2);
constexpr std::size_t kSloLimitCount = 32;  // RequestRecord::judged has that many bits

/// What would end a header line early or start another.
bool breaks_header(const std::string& text) {
  return text.find_first_of("\r\n") != std::string::npos;
}

Result<void> check_cell(const Cell& cell, const Assignment& assignment) {
  const auto wrong = [&](const std::string& what) {
    return Error{fmt::format("cell {}: {}", cell.id, what)};
  };
  if (cell.target >= assignment.targets.size()) return wrong("names no target of the assignment");
  if (cell.slo.size() > kSloLimitCount) return wrong("has more than 32 SLO limits");
  if (auto body = check_extra_body(cell.workload.extra_body); !body) return wrong(body.error().message);
  if (cell.workload.conversation && !speaks_chat(assignment.targets[cell.target]))
    return wrong("has conversations, for which its target speaks no chat dialect");
  if (auto dialect = make_dialect(assignment.targets[cell.target], cell.workload); !dialect)
    return wrong("dialect: " + dialect.error().message);
  return {};
}

/// The headers that all requests of one replica share.
std::string shared_headers(const Target& target, const Endpoint& endpoint, const std::string& run_id,
                           const std::string& secret) {
  std::string head = fmt::format(
      "Host: {}\r\nUser-Agent: {}\r\nContent-Type: application/json\r\n"
      "Accept: text/event-stream, application/json\r\nAccept-Encoding: identity\r\n",
      endpoint.authority, user_agent(run_id));
  if (target.connection == ConnectionUse::kPerRequest) head += "Connection: close\r\n";
  if (!secret.empty()) head += fmt::format("Authorization: Bearer {}\r\n", secret);
  for (const auto& [name, value] : target.headers) head += fmt::format("{}: {}\r\n", name, value);
  return head;
}

Result<std::vector<Route>> routes_of(const Target& target, const std::string& run_id,
                                     const std::string& secret,
                                     const std::shared_ptr<const TargetPolicy>& policy) {
  const auto wrong = [&](const std::string& what) {
    return Error{fmt::format("target {}: {}", target.name, what)};
  };
  if (target.urls.empty()) return wrong("has no URL");
  if (breaks_header(secret)) return wrong("its secret has more than one line");
  for (const auto& [name, value] : target.headers) {
    if (name.empty() || breaks_header(name + value))
      return wrong("a header is empty or has more than one line");
  }
  std::shared_ptr<const TlsContext> tls;
  std::vector<Route> routes;
  for (const std::string& url : target.urls) {
    auto endpoint = parse_endpoint(url);
    if (!endpoint) return wrong(endpoint.error().message);
    if (policy) {
      if (auto allowed = policy->check(*endpoint); !allowed) return wrong(allowed.error().message);
    }
    if (endpoint->tls && !tls) {
      auto context = TlsContext::create(target.tls);
      if (!context) return wrong(context.error().message);
      tls = *context;
    }
    Route route;
    route.headers = shared_headers(target, *endpoint, run_id, secret);
    if (endpoint->tls) route.peer.tls = tls;
    route.peer.tls_name = target.tls.server_name.empty() ? endpoint->host : target.tls.server_name;
    route.peer.endpoint = std::move(*endpoint);
    route.peer.policy = policy;
    route.peer.connect_timeout = target.connect_timeout;
    route.request_timeout = target.request_timeout;
    route.idle_timeout = target.idle_timeout;
    route.replica_header = target.replica_header;
    std::transform(route.replica_header.begin(), route.replica_header.end(), route.replica_header.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    route.keeps_connection = target.connection == ConnectionUse::kReuse;
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace

Result<std::shared_ptr<const RunSetup>> prepare_run(Assignment assignment,
                                                    const std::vector<std::string>& secrets,
                                                    std::shared_ptr<const TargetPolicy> policy) {
  auto setup = std::make_shared<RunSetup>();
  for (std::size_t i = 0; i < assignment.cells.size(); ++i) {
    if (assignment.cells[i].id != i) return Error{"the cells of an assignment are not numbered in order"};
    if (auto cell = check_cell(assignment.cells[i], assignment); !cell) return cell.error();
  }
  if (breaks_header(assignment.run_id)) return Error{"the run's id has more than one line"};
  for (std::size_t i = 0; i < assignment.targets.size(); ++i) {
    const std::string secret = i < secrets.size() ? secrets[i] : std::string();
    auto routes = routes_of(assignment.targets[i], assignment.run_id, secret, policy);
    if (!routes) return routes.error();
    setup->routes.push_back(std::move(*routes));
  }
  if (policy) {
    std::vector<Endpoint> endpoints;
    for (const auto& routes : setup->routes) {
      for (const Route& route : routes) endpoints.push_back(route.peer.endpoint);
    }
    if (auto allowed = policy->check_resolved(endpoints, kLookUpPatience); !allowed) return allowed.error();
  }
  setup->assignment = std::move(assignment);
  for (const Cell& cell : setup->assignment.cells) {
    std::shared_ptr<const Dataset> dataset;
    if (cell.workload.dataset) {
      const auto found = setup->assignment.datasets.find(cell.workload.dataset->hash);
      if (found != setup->assignment.datasets.end()) dataset = found->second;
    }
    auto source = PromptSource::create(cell, setup->assignment.seed, std::move(dataset));
    if (!source) return Error{fmt::format("cell {}: {}", cell.id, source.error().message)};
    setup->sources.push_back(std::move(*source));
  }
  return std::shared_ptr<const RunSetup>(std::move(setup));
}

}  // namespace kneepoint::agent
