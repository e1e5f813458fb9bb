#include "agent/load/run_setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "common/request_json.h"
#include "common/version.h"

namespace kneepoint::agent {
namespace {

/// For names that nothing answers for; the address is judged again at every connect.
constexpr Nanos kLookUpPatience = std::chrono::seconds(2);

/// What would end a header line early or start another.
bool breaks_header(const std::string& text) {
  return text.find_first_of("\r\n") != std::string::npos;
}

Result<void> check_headers(const std::map<std::string, std::string>& headers) {
  for (const auto& [name, value] : headers) {
    if (name.empty() || breaks_header(name + value))
      return Error{"a header is empty or has more than one line"};
  }
  return {};
}

/// What a class's requests have beside their route's headers. A header's name knows no letter case.
std::string headers_of(const Target& target, const PromptClass& requests) {
  const auto less = [](const std::string& a, const std::string& b) {
    return std::lexicographical_compare(
        a.begin(), a.end(), b.begin(), b.end(),
        [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
  };
  std::map<std::string, std::string, decltype(less)> all(less);
  all.insert(requests.headers.begin(), requests.headers.end());
  all.insert(target.headers.begin(), target.headers.end());
  std::string lines;
  for (const auto& [name, value] : all) lines += fmt::format("{}: {}\r\n", name, value);
  return lines;
}

Result<void> check_cell(const Cell& cell, const Assignment& assignment) {
  const auto wrong = [&](const std::string& what) {
    return Error{fmt::format("cell {}: {}", cell.id, what)};
  };
  if (cell.target >= assignment.targets.size()) return wrong("names no target of the assignment");
  if (cell.slo.size() > kMostSloLimits) return wrong("has too many SLO limits");
  if (auto body = check_extra_body(cell.workload.extra_body); !body) return wrong(body.error().message);
  for (const PromptClass& each : cell.workload.classes) {
    if (auto body = check_extra_body(each.extra_body); !body) return wrong(body.error().message);
    if (auto lines = check_headers(each.headers); !lines) return wrong(lines.error().message);
  }
  if (cell.workload.conversation && !speaks_chat(assignment.targets[cell.target]))
    return wrong("has conversations, for which its target speaks no chat dialect");
  if (auto dialects = make_dialects(assignment.targets[cell.target], cell.workload); !dialects)
    return wrong("dialect: " + dialects.error().message);
  return {};
}

/// The headers that all requests of one replica have, whatever their class.
std::string shared_headers(const Target& target, const Endpoint& endpoint, const std::string& run_id) {
  std::string head = fmt::format(
      "Host: {}\r\nUser-Agent: {}\r\nContent-Type: application/json\r\n"
      "Accept: text/event-stream, application/json\r\nAccept-Encoding: identity\r\n",
      endpoint.authority, user_agent(run_id));
  if (target.connection == ConnectionUse::kPerRequest) head += "Connection: close\r\n";
  return head;
}

std::string in_lower_case(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

/// The lines that carry a target's keys; one empty line's worth, nothing, where it has none.
Result<std::vector<std::string>> key_lines(const Target& target, const Keys& keys) {
  std::vector<std::string> lines;
  for (const std::string& key : keys) {
    if (breaks_header(key) || breaks_header(target.auth_header + target.auth_scheme))
      return Error{fmt::format("target {}: a key has more than one line", target.name)};
    lines.push_back(fmt::format("{}: {}\r\n", target.auth_header, auth_value(target, key)));
  }
  if (lines.empty()) lines.emplace_back();
  return lines;
}

Result<std::vector<Route>> routes_of(const Target& target, const std::string& run_id,
                                     const std::shared_ptr<const TargetPolicy>& policy) {
  const auto wrong = [&](const std::string& what) {
    return Error{fmt::format("target {}: {}", target.name, what)};
  };
  if (target.urls.empty()) return wrong("has no URL");
  if (auto lines = check_headers(target.headers); !lines) return wrong(lines.error().message);
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
    route.headers = shared_headers(target, *endpoint, run_id);
    if (endpoint->tls) route.peer.tls = tls;
    route.peer.tls_name = target.tls.server_name.empty() ? endpoint->host : target.tls.server_name;
    route.peer.endpoint = std::move(*endpoint);
    route.peer.policy = policy;
    route.peer.connect_timeout = target.connect_timeout;
    route.request_timeout = target.request_timeout;
    route.idle_timeout = target.idle_timeout;
    route.replica_header = in_lower_case(target.replica_header);
    route.session_header = target.session_header;
    if (target.session_from_server) route.session_reply = in_lower_case(target.session_header);
    route.keeps_connection = target.connection == ConnectionUse::kReuse;
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace

Result<std::shared_ptr<const RunSetup>> prepare_run(Assignment assignment, const std::vector<Keys>& keys,
                                                    std::shared_ptr<const TargetPolicy> policy) {
  auto setup = std::make_shared<RunSetup>();
  for (std::size_t i = 0; i < assignment.cells.size(); ++i) {
    if (assignment.cells[i].id != i) return Error{"the cells of an assignment are not numbered in order"};
    if (auto cell = check_cell(assignment.cells[i], assignment); !cell) return cell.error();
  }
  if (breaks_header(assignment.run_id)) return Error{"the run's id has more than one line"};
  for (std::size_t i = 0; i < assignment.targets.size(); ++i) {
    auto lines = key_lines(assignment.targets[i], i < keys.size() ? keys[i] : Keys());
    if (!lines) return lines.error();
    setup->keys.push_back(std::move(*lines));
    auto routes = routes_of(assignment.targets[i], assignment.run_id, policy);
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
    const std::uint64_t text_seed =
        cell.workload.repeat_texts ? setup->assignment.seed : setup->assignment.text_seed;
    auto source = PromptSource::create(cell, text_seed, std::move(dataset));
    if (!source) return Error{fmt::format("cell {}: {}", cell.id, source.error().message)};
    setup->sources.push_back(std::move(*source));
    std::vector<std::string>& lines = setup->headers.emplace_back();
    for (const PromptClass& each : cell.workload.classes)
      lines.push_back(headers_of(setup->target_of(cell), each));
  }
  return std::shared_ptr<const RunSetup>(std::move(setup));
}

}  // namespace kneepoint::agent
