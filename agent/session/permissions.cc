#include "agent/session/permissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "common/slot_set.h"

namespace kneepoint::agent {
namespace {

/// A path as it stands, without a step upwards: "/etc/kneepoint/../shadow" lies in no folder that was named.
bool climbs(std::string_view path) {
  return path == ".." || path.starts_with("../") || path.ends_with("/..") || path.find("/../") != path.npos;
}

bool allows_file(const std::vector<std::string>& allowed, const std::string& path) {
  return std::any_of(allowed.begin(), allowed.end(), [&](const std::string& each) {
    return each == path || (each.ends_with('/') && path.starts_with(each) && !climbs(path));
  });
}

}  // namespace

Result<void> Permissions::check(const Target& target) const {
  const auto refused = [&](std::string_view what, const std::string& name) {
    return Error{
        fmt::format("target {}: the plan names the {} {}, which this agent may not use; if it shall, start "
                    "the agent with --allow-secret {}",
                    target.name, what, name, name)};
  };
  const SecretRef& auth = target.auth;
  if (auth.source == SecretRef::Source::kEnvironment &&
      std::find(secrets.begin(), secrets.end(), auth.name) == secrets.end())
    return refused("environment variable", auth.name);
  std::vector<std::string> files{target.tls.ca_file, target.tls.client_cert, target.tls.client_key};
  if (auth.source == SecretRef::Source::kFile) files.push_back(auth.name);
  for (const std::string& file : files) {
    if (!file.empty() && !allows_file(secrets, file)) return refused("file", file);
  }
  return {};
}

Result<void> Permissions::check(const LoadLevel& level, std::uint32_t lanes) const {
  const std::uint64_t share = slots_of(level).below(level.concurrency);
  if (share == 0) return {};
  if (max_streams != 0 && share * lanes > max_streams) {
    const std::string at_once =
        lanes > 1 ? fmt::format(" ({} sessions of up to {} turns at once)", share, lanes) : "";
    return Error{
        fmt::format("a level gives this agent {} streams{} and it may hold {}: use more agents, or start it "
                    "with a higher --max-streams",
                    share * lanes, at_once, max_streams)};
  }
  if (!level.arrivals || max_rate == 0) return {};
  const double rate =
      std::max(level.arrivals->rate, level.arrivals->over > Nanos(0) ? level.arrivals->end_rate : 0) *
      static_cast<double>(share) / level.concurrency;
  if (rate <= max_rate) return {};
  return Error{
      fmt::format("a level gives this agent {:g} requests a second and it may send {:g}: use more agents, or "
                  "start it with a higher --max-rate",
                  rate, max_rate)};
}

}  // namespace kneepoint::agent
