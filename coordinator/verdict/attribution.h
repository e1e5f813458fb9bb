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
  static constexpr double kApart = 1.5;
  /// Slots are full when the mean of the batch is so near the most that it ever held: all the time. Seen at
  /// one load only, it must be nearer still, and the queue hold this share of the requests in flight.
  static constexpr double kAtCap = 0.93;
  static constexpr double kSurelyAtCap = 0.97;
  static constexpr double kLongQueue = 0.25;
  /// Of the slots: a knee that lies lower was there before they were full.
  static constexpr double kKneeOfSlots = 0.75;
  /// The cache is full when it is so on average while requests wait, or touches kKvNearlyFull and preempts.
  static constexpr double kKvFull = 0.95;
  static constexpr double kKvNearlyFull = 0.90;
  /// A cache that is full at the lowest load, and takes in so many times as many requests, is not.
  static constexpr double kMoreRun = 1.5;
  static constexpr double kPreemptionsPerSecond = 0.01;
  /// One more request does not fit the cache, where each holds at least this share of it (long contexts).
  static constexpr double kKvLargeRequest = 0.10;
  /// A generator whose busiest thread works less than this has time.
  static constexpr double kIdleThread = 0.50;
  /// Requests that the client has in flight and the engine does not hold.
  static constexpr double kOutside = 0.20;
  static constexpr double kFewestOutside = 2;
  /// What a stage holds by Little's law explains them from this share on.
  static constexpr double kExplains = 0.5;
  /// Without the server's own times: TPOT has grown by less than this, and so many of them wait for a first
  /// token.
  static constexpr double kFlatDecode = 1.25;
  static constexpr double kAtEntry = 0.7;
  /// Of servers of several roles: the share of requests without a token has grown so many times.
  static constexpr double kWaitsMore = 1.5;
  /// More packets are lost than at the lowest load, so many times.
  static constexpr double kLossGrowth = 2;
  /// Connecting takes so many times longer than at the lowest load, and at least so long.
  static constexpr double kConnectGrowth = 5;
  static constexpr double kConnectSeconds = 0.050;
  /// Cores that a process of one busy thread uses, and that leave it time.
  static constexpr double kBusyProcess = 0.95;
  static constexpr double kIdleProcess = 0.80;
  /// Of a request's TTFT, that passes in the front end.
  static constexpr double kFrontEndShare = 0.25;
  /// A GPU whose utilisation is below this is surely not full; above it, it may be.
  static constexpr double kGpuIdle = 0.80;
  /// Of all tokens that the engine computes: from here on prompts are most of its work.
  static constexpr double kPromptShare = 0.5;
  static constexpr double kPrefillGrowth = 1.5;
  /// Prompts alone fill a GPU that is in use all the time, where what is written takes so little of it
  /// and what is read so much.
  static constexpr double kGpuInUse = 0.95;
  static constexpr double kLittleDecode = 0.25;
  static constexpr double kMuchPrefill = 0.5;
  /// An iteration is full whose mean is so near a power of two, and not smaller than any budget in use.
  static constexpr double kFullIteration = 0.01;
  static constexpr double kLeastTokenBudget = 250;
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
  std::optional<double>
      saturation;         ///< Requests in flight at the knee; absent without a knee, or with a range.
  std::string knee_kind;  ///< "hard", "soft" or "".
  std::size_t replicas = 1;
  std::optional<Interval> range{};  ///< Where the knee lies, if no point can be told.

  /// Where in `range` a knee is looked for.
  std::optional<double> range_middle() const;
};

/// What gave out first.
struct Attribution {
  /// "client", "admission", "errors", "network", "router", "kv_transfer", "decode", "before_engine",
  /// "front_end", "scheduler", "prefill", "queue_slots", "kv_cache", "compute", "memory_bandwidth", or ""
  /// where it could not be told.
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
