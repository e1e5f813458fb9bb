#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"
#include "common/result.h"

namespace kneepoint::coordinator {

struct ReadinessOptions {
  Nanos deadline = std::chrono::minutes(10);        ///< From the first attempt.
  Nanos interval = std::chrono::milliseconds(250);  ///< Between attempts: the resolution of the answer.
  std::string run_id;                               ///< As HttpClient takes it.
  /// Added to every request, besides the target's own; where the caller knows the secret.
  std::map<std::string, std::string> headers;
  std::optional<MonoTime> started;  ///< When the host was started; absent: the first attempt counts.
  /// Called when what is waited for changes: "http://h:8000 is not ready: connection refused".
  std::function<void(const std::string&)> on_wait;
  std::stop_token stop;
};

struct ReplicaReadiness {
  std::string url;  ///< Without secrets.
  double seconds =
      0;  ///< Until it was ready: the model's load time, where the host was started with the first attempt.
  bool at_once = false;  ///< Ready at the first attempt: it was loaded before, and `seconds` says nothing.
};

/// Polls every replica's /v1/models until all are ready, and /health only where `wants_health` says so: a
/// gateway's may be dear. A replica is ready when its list has the model, and /health, where it is asked, is
/// 200 or not served or wants a key (401, 403). Without a list /health must be 200; a list that wants a key
/// is enough where /health is not served. A model that is never listed is named in the error. Blocks the
/// calling thread. @returns one entry per URL, or why it gave up, at the deadline or on `stop`.
Result<std::vector<ReplicaReadiness>> wait_ready(const Target& target, const ReadinessOptions& options);

}  // namespace kneepoint::coordinator
