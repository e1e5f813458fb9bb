#include "coordinator/telemetry/endpoints.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <charconv>
#include <set>

#include "common/secrets.h"

namespace kneepoint::coordinator {
namespace {

/// "http://host:8000" of a URL.
std::string_view origin_of(std::string_view url) {
  const auto host = url.find("://");
  return host == url.npos ? url : url.substr(0, url.find('/', host + 3));
}

bool is_loopback(std::string_view url) {
  std::string_view host = origin_of(url);
  host.remove_prefix(std::min(host.size(), host.find("://") + 3));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

/// The URL with each address of its host in the host's place; the URL itself where nobody knows the name, so
/// that its reader says so.
std::vector<std::string> at_every_address(const std::string& url, HostLookUp::Find find) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return {url};
  std::set<std::string> addresses;
  try {
    for (const auto& endpoint : find(std::string(parsed->host_address()), std::string(parsed->port()))) {
      boost::urls::url at(*parsed);
      at.set_host_address(endpoint.address().to_string());
      addresses.emplace(at.buffer());
    }
  } catch (const boost::system::system_error&) {
  }
  return addresses.empty() ? std::vector<std::string>{url}
                           : std::vector<std::string>{addresses.begin(), addresses.end()};
}

/// A URL that is read for a target.
ScrapeEndpoint endpoint_of(const Target& target, const std::string& url) {
  ScrapeEndpoint endpoint;
  endpoint.target = target.name;
  endpoint.url = url;
  if (const auto role = target.telemetry.roles.find(url); role != target.telemetry.roles.end())
    endpoint.role = role->second;
  const bool own_host = std::any_of(target.urls.begin(), target.urls.end(), [&](const std::string& base) {
    return origin_of(base) == origin_of(url);
  });
  if (!own_host) return endpoint;
  const auto key = resolve_secret(target.auth);
  endpoint.headers = headers_with_key(target, key ? *key : "");
  endpoint.tls = target.tls;
  return endpoint;
}

void add_target(const Target& target, HostLookUp::Find find, std::vector<ScrapeEndpoint>& endpoints) {
  const TelemetryOptions& telemetry = target.telemetry;
  if (telemetry.off) return;
  std::vector<std::string> urls = telemetry.urls;
  if (urls.empty() && telemetry.pods.empty()) {
    for (const std::string& base : target.urls) urls.push_back(join_url(base, "/metrics"));
  }
  for (const std::string& url : urls) {
    endpoints.push_back(endpoint_of(target, url));
    endpoints.back().model = target.model;
    endpoints.back().asked_for = !telemetry.urls.empty();
  }
  for (const std::string& pods : telemetry.pods) {
    for (std::string& url : at_every_address(pods, find)) {
      endpoints.push_back(endpoint_of(target, pods));
      endpoints.back().url = std::move(url);
      endpoints.back().model = target.model;
      endpoints.back().asked_for = true;
    }
  }
  for (const GpuExporter& gpu : telemetry.gpus) {
    endpoints.push_back(endpoint_of(target, gpu.url));
    endpoints.back().gpu_labels = gpu.labels;
    endpoints.back().asked_for = true;
  }
}

}  // namespace

std::vector<ScrapeEndpoint> scrape_endpoints(const Plan& plan, HostLookUp::Find find) {
  std::vector<ScrapeEndpoint> endpoints;
  for (const Target& target : plan.targets) add_target(target, find, endpoints);
  std::set<std::string> watched;
  for (const ScrapeEndpoint& endpoint : endpoints) watched.insert(endpoint.url);
  for (const GuardLimit& limit : plan.guard_rails) {
    if (limit.source.empty() || !watched.insert(limit.source).second) continue;
    ScrapeEndpoint endpoint;
    endpoint.target = kGuardedElsewhere;
    endpoint.url = limit.source;
    endpoint.asked_for = true;
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

std::vector<std::string> targets_on_this_machine(const Plan& plan) {
  std::vector<std::string> names;
  for (const Target& target : plan.targets) {
    if (target.telemetry.off) continue;
    const bool here = std::all_of(target.urls.begin(), target.urls.end(), is_loopback);
    if (target.telemetry.nvml.value_or(here)) names.push_back(target.name);
  }
  return names;
}

std::set<std::uint16_t> local_ports(const Target& target) {
  std::set<std::uint16_t> ports;
  if (target.telemetry.off) return ports;
  for (const std::string& url : target.urls) {
    if (!is_loopback(url)) return {};
    const std::string_view origin = origin_of(url);
    const auto colon = origin.rfind(':');
    std::uint16_t port = origin.starts_with("https") ? 443 : 80;
    std::from_chars(origin.data() + colon + 1, origin.data() + origin.size(), port);
    ports.insert(port);
  }
  return ports;
}

}  // namespace kneepoint::coordinator
