#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint {

/// The keys of one target; none where it wants none.
using Keys = std::vector<std::string>;

/// Whether an environment variable may be called so. What is not may be a secret itself, given in the place
/// of a name: it is not repeated.
bool is_environment_name(std::string_view name);

/// The keys that `reference` points at on this host, a line each; none for SecretRef::Source::kNone. Fails,
/// naming the reference and never a value, when the variable or file is missing or empty, or when a key could
/// not stand in an HTTP header.
Result<Keys> resolve_keys(const SecretRef& reference);

/// The first of them; empty where there are none.
Result<std::string> resolve_secret(const SecretRef& reference);

/// What stands in the target's `auth_header` for a key: "Bearer KEY".
std::string auth_value(const Target& target, const std::string& key);

/// The target's headers and, where there is a key, that for it.
std::map<std::string, std::string> headers_with_key(const Target& target, const std::string& key);

}  // namespace kneepoint
