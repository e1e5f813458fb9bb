#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

/// Asks a target how many tokens a prompt has, template and system prompt included, as its usage would say.
class TokenProbe {
 public:
  struct Bounds {
    std::stop_token stop;  ///< Ends the request under way, and all that follow.
    Nanos limit;           ///< For all requests of the probe together.
  };
  /// @param target outlives the probe; its first replica is asked. @param secret its bearer token; empty for
  /// none. @param system empty: no system prompt.
  TokenProbe(const Target& target, const std::string& secret, std::string system, Bounds bounds);
  ~TokenProbe();

  /// From `/tokenize`, which costs the host nothing.
  Result<double> tokenize(const std::string& text);
  /// From a request for one token of answer.
  Result<double> usage(const std::string& text);
  /// Whether the last request got an answer, whatever it said.
  bool answered() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
