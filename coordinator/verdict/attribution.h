#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What the rules of docs/telemetry.md hold to be much. Ratios where nothing else is said.
struct AttributionLimits {
  /// A queue counts when it holds this share of the requests in flight, and at least half a request on
  /// average.
  static constexpr double kWaitingShare = 0.02;
  static constexpr double kFewestWaiting = 0.5;
  /// A batch is flat when it grew by less than this although the load grew by half or more.
  static constexpr double kRunningGrowth = 0.05;
  /// A queue of this share of the requests in flight shows a full batch even if it has grown since.
  static constexpr double kQueueShare = 0.10;
  /// The cache is full when it is so on average while requests wait, or touches kKvNearlyFull and preempts.
  static constexpr double kKvFull = 0.95;
  static constexpr double kKvNearlyFull = 0.90;
  static constexpr double kPreemptionsPerSecond = 0.01;
  /// One more request does not fit the cache, where each holds at least this share of it (long contexts).
  static constexpr double kKvLargeRequest = 0.10;
  /// A generator whose busiest thread works less than this has time.
  static constexpr double kIdleThread = 0.50;
  /// Requests that the client has in flight and the engine does not know.
  static constexpr double kInTransit = 0.20;
  static constexpr double kFewestInTransit = 2;
  /// Connecting takes so many times longer than at the lowest load, and at least so long.
  static constexpr double kConnectGrowth = 5;
  static constexpr double kConnectSeconds = 0.050;
  /// What well-tuned kernels reach of the peak: matrix multiplications of the tensor pipe, decode of the
  /// memory bus.
  static constexpr double kTensorCeiling = 0.75;
  static constexpr double kDramCeiling = 0.90;
  /// Of its ceiling: from here a unit may be what limits; from the second on, even where requests queue.
  static constexpr double kUnitBusy = 0.60;
  static constexpr double kUnitSaturated = 0.75;
};

/// What is known of one target × scenario; engine and GPU speak through the steps' telemetry.
struct AttributionInput {
  const std::vector<Step>& steps;
  std::optional<double> saturation;  ///< Requests in flight at the knee; absent: judge the highest step.
  std::string knee_kind;             ///< "hard", "soft" or "".
  std::size_t replicas = 1;
};

/// What gave out first.
struct Attribution {
  /// "client", "network", "admission", "queue_slots", "kv_cache", "compute", "memory_bandwidth", "errors", or
  /// "" where it could not be told.
  std::string bottleneck;
  std::vector<std::string> evidence;       ///< Whole sentences that quote figures.
  std::vector<std::string> not_ruled_out;  ///< Bottlenecks that nothing measured could exclude.

  /// Evidence and doubt as running text.
  std::string text() const;
};

/// Names the bottleneck from the client's timeline, the engine's metrics and the GPU's: the one place that
/// does. Pure. Steps past twice the knee are left out: what breaks there did not make the knee.
Attribution find_bottleneck(const AttributionInput& input);

}  // namespace kneepoint::coordinator
