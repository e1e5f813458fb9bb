#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "coordinator/telemetry/readings.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// What the client saw of a target in one second.
struct ClientSecond {
  double tokens = 0;  ///< Output tokens that arrived.
  double ended_tokens =
      0;             ///< Of the requests that ended in it: what an engine that counts at their end counts.
  double ended = 0;  ///< Requests that were answered whole.
  double in_flight = 0;  ///< On average.
  double waiting = 0;    ///< Of those, sent and without a first token, on average.
};

/// The client's side of what is held against the pages of a target, second by second of the run.
class ClientLoad {
 public:
  ClientLoad() = default;
  /// @param cells that are sent to the target.
  ClientLoad(const Timeline& timeline, const std::set<std::uint32_t>& cells);

  /// Adds what a bystander sent to the same target: an engine counts it, and no agent does. @param readings
  /// of it (Signal::kBystanderRequests and its like), one token a request.
  void add_bystander(const Readings& readings);

  bool empty() const { return seconds_.empty(); }
  /// The sum of `what` over [begin, end), instants since the run's zero; within a second it is taken as even.
  double sum(double ClientSecond::*what, double begin, double end) const;
  const std::map<std::int64_t, ClientSecond>& seconds() const { return seconds_; }

 private:
  std::map<std::int64_t, ClientSecond> seconds_;
};

}  // namespace kneepoint::coordinator
