#include "coordinator/plan/needs.h"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <set>

namespace kneepoint::coordinator {

std::vector<std::string> needed_hosts(const Plan& plan) {
  std::set<std::string> hosts;
  for (const Target& target : plan.targets) {
    for (const std::string& url : target.urls) {
      const auto parsed = boost::urls::parse_uri(url);
      if (!parsed) continue;  // the loader has refused it
      const boost::urls::url_view view = *parsed;
      std::string host = view.host_address();
      if (host.ends_with('.')) host.pop_back();
      std::string port(view.port());
      if (port.empty()) port = view.scheme() == "https" ? "443" : "80";
      const bool v6 = host.find(':') != std::string::npos;
      hosts.insert(v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port));
    }
  }
  return {hosts.begin(), hosts.end()};
}

std::vector<std::string> needed_secrets(const Plan& plan) {
  std::set<std::string> secrets;
  for (const Target& target : plan.targets) {
    secrets.insert({target.auth.name, target.tls.ca_file, target.tls.client_cert, target.tls.client_key});
  }
  secrets.erase("");
  return {secrets.begin(), secrets.end()};
}

}  // namespace kneepoint::coordinator
