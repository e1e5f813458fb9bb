#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint {

/// Resolves a secret on this host: an environment variable's value, or a file's content without the line ends
/// at its end. The empty reference gives the empty secret. Errors name the reference, never the value; an
/// empty value is an error, since it would only fail later and less clearly.
Result<std::string> resolve_secret(const SecretRef& reference);

}  // namespace kneepoint
