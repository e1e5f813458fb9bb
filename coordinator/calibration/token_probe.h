#pragma once

#include <string>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/calibration/request_body.h"
#include "coordinator/telemetry/target_client.h"

namespace kneepoint::coordinator {

/// Asks a target how many tokens a prompt has, template and system prompt included, as its usage would say.
class TokenProbe {
 public:
  /// @param target outlives the probe. @param secret its bearer token; empty for
  /// none. @param system empty: no system prompt.
  TokenProbe(const Target& target, const std::string& secret, std::string system,
             const TargetClient::Options& options);

  /// From `/tokenize`, which costs the host nothing. Not of a described dialect, whose host has one of its
  /// own kind at best.
  Result<double> tokenize(const std::string& text);
  /// From a request for one token of answer, in the target's own dialect.
  Result<double> usage(const std::string& text);
  /// Whether the last request got an answer, whatever it said.
  bool answered() const { return client_.answered(); }

 private:
  const Target& target_;
  const std::string system_;
  TargetClient client_;
};

}  // namespace kneepoint::coordinator
