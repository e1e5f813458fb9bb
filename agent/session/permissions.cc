#include "agent/session/permissions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

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

}  // namespace kneepoint::agent
