#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"
#include "coordinator/telemetry/http_client.h"

namespace kneepoint::coordinator {

/// Questions to a target by a caller that waits for each answer: to its first replica that answers, with the
/// target's headers, token and TLS. A replica that does not is left for good, and the question goes to the
/// next; each but the last may take half of the time that is left. For one thread.
class TargetClient {
 public:
  struct Options {
    std::stop_token stop;  ///< Ends the request under way, and all that follow.
    Nanos limit;           ///< For all requests together.
    std::string run_id;    ///< As HttpClient takes it.
  };
  /// @param target outlives the client. @param secret its bearer token; empty for none.
  TargetClient(const Target& target, const std::string& secret, const Options& options);
  ~TargetClient();

  /// @param path below the target's base URL. @returns any complete reply, whatever its status, or one line
  /// that says what went wrong.
  Result<HttpReply> get(std::string_view path);
  Result<HttpReply> post(std::string_view path, const std::string& json);
  /// Whether the last request got a reply, whatever it said.
  bool answered() const { return status() != 0; }
  /// What that reply's status was; 0: there was none.
  int status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kneepoint::coordinator
