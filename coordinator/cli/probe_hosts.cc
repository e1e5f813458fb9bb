#include "coordinator/cli/probe_hosts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <future>
#include <optional>
#include <set>
#include <utility>

#include "common/printable.h"
#include "common/secrets.h"
#include "coordinator/cli/standard_output.h"
#include "coordinator/plan/target_reader.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {

std::string host_line(const HostFacts& host) {
  const HostFacts::Model& model = host.models.front();
  std::string text = fmt::format("✓ {}: ", host.url);
  if (host.engine) text += engine_words(host) + ", ";
  text += printable(model.id);
  if (model.max_length)
    text += fmt::format(", context {}", format_figure(static_cast<double>(*model.max_length)));
  text += ", speaks " + dialect_words(host);
  if (!host.streams && host.writes_text) text += ", does not stream";
  if (host.token_limit != TokenLimit::kMaxTokens)
    text += fmt::format(", takes {}, not max_tokens", to_string(host.token_limit));
  text += host.has_metrics ? ", /metrics found" : ", no /metrics: what gives out cannot be named";
  if (host.healthy && !*host.healthy) text += ", /health says NOT READY";
  if (!host.clock.empty()) text += "; " + host.clock;
  return text;
}

Result<std::vector<HostFacts>> probe_hosts(const HostsToProbe& hosts, bool tell) {
  std::vector<std::string> urls;
  for (const std::string& given : hosts.urls) {
    const auto url = parse_base_url(given);
    if (!url) return url.error();
    if (std::find(urls.begin(), urls.end(), *url) != urls.end())
      return Error{fmt::format("{} is given twice; give each replica once", *url)};
    urls.push_back(*url);
  }
  if (!hosts.token_env.empty() && !is_environment_name(hosts.token_env))
    return Error{
        "--token-env takes the name of an environment variable (letters, digits and '_'), not the key "
        "itself"};
  SecretRef auth;
  if (!hosts.token_env.empty()) auth = {.source = SecretRef::Source::kEnvironment, .name = hosts.token_env};
  if (const auto secret = resolve_secret(auth); !secret) return secret.error();
  std::vector<std::future<Result<HostFacts>>> asked;
  for (const std::string& url : urls) {
    asked.push_back(std::async(std::launch::async, [&hosts, url, auth] {
      return probe_host({.url = url, .model = hosts.model, .auth = auth});
    }));
  }
  std::vector<HostFacts> all;
  std::optional<Error> failed;
  std::size_t bad = 0;
  for (std::size_t i = 0; i < urls.size(); ++i) {
    auto facts = asked[i].get();
    if (facts) {
      if (tell)
        fmt::print(stderr, "{}",
                   wrapped_lines(host_line(*facts), line_width(STDERR_FILENO, std::string::npos)));
      all.push_back(*std::move(facts));
      continue;
    }
    ++bad;
    if (!failed) failed = facts.error();
    if (tell || urls.size() > 1)
      fmt::print(stderr, "{}",
                 wrapped_lines("✗ " + printable(facts.error().message),
                               line_width(STDERR_FILENO, std::string::npos)));
  }
  if (!failed) return all;
  if (urls.size() == 1) return tell ? Error{"the host is not fit; nothing was loaded"} : *failed;
  return Error{fmt::format("{} of {} hosts {} not fit; nothing was loaded", bad, urls.size(),
                           bad == 1 ? "is" : "are")};
}

}  // namespace kneepoint::coordinator
