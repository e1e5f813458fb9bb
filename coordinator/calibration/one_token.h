#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// A question whose answer is one token, not streamed.
struct OneToken {
  std::string path;  ///< Below the target's base URL.
  std::string body;
};

/// In the words of the target's API, or of its own description. @param system empty for none. @returns why
/// its description cannot ask so.
Result<OneToken> one_token(const Target& target, const std::string& system, const std::string& text);

}  // namespace kneepoint::coordinator
