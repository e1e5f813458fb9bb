#pragma once

#include <memory>
#include <string>

#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// Asks a target how many tokens a prompt has, template and system prompt included, as its usage would say.
class TokenProbe {
 public:
  /// @param secret the target's bearer token; empty for none. @param system empty: no system prompt.
  TokenProbe(const Target& target, const std::string& secret, std::string system);
  ~TokenProbe();

  /// From `/tokenize`, which costs the host nothing.
  Result<double> tokenize(const std::string& text);
  /// From a request for one token of answer.
  Result<double> usage(const std::string& text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
