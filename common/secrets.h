#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint {

/// The secret that `reference` points at on this host; empty for SecretRef::Source::kNone. A file's trailing
/// line end is left out. Fails, naming the reference and never a value, when the variable or file is missing
/// or empty, or when the value could not stand in an HTTP header.
Result<std::string> resolve_secret(const SecretRef& reference);

}  // namespace kneepoint
