#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace kneepoint::coordinator {

/// What the coordinator reads of a serving host, whatever its engine calls it. Base units: seconds, bytes,
/// watts, joules, degrees Celsius, ratios 0–1.
enum class Signal : std::uint8_t {
  kRunning,           ///< Requests in the batch now.
  kWaiting,           ///< Requests queued in the engine now.
  kKvUsage,           ///< Share of the KV cache in use, of the fullest engine.
  kPreemptions,       ///< Counter: requests thrown out of the batch for lack of KV cache.
  kQueueTimeSum,      ///< Counter: seconds that requests spent queued …
  kQueueTimeCount,    ///< … and their number.
  kPrefixHits,        ///< Counter: prompt tokens (or blocks) found in the prefix cache …
  kPrefixQueries,     ///< … of those looked up.
  kPrefixHitRatio,    ///< Gauge, where the engine has no such counters.
  kGenerationTokens,  ///< Counter.
  kPromptTokens,      ///< Counter.
  kRequestsFinished,  ///< Counter.
  kGpuMemoryUsed,     ///< Over all GPUs.
  kGpuMemoryTotal,    ///< Over all GPUs.
  kGpuPower,          ///< Over all GPUs.
  kGpuEnergy,         ///< Counter, over all GPUs.
  kGpuTemperature,    ///< Of the hottest.
  kGpuUtil,           ///< Mean over GPUs. About 1 long before saturation: conclude nothing from it.
  kGpuSmActive,       ///< Mean over GPUs of SM_ACTIVE, or of GR_ENGINE_ACTIVE where that is off.
  kGpuTensorActive,   ///< Mean over GPUs.
  kGpuDramActive,     ///< Mean over GPUs.
};
inline constexpr std::size_t kSignalCount = 21;

struct SignalInfo {
  Signal signal;
  std::string_view name;  ///< In telemetry.jsonl and in limits: "running", "kv_usage_ratio", …
  bool counter;           ///< Kept raw; rates are made of differences.
};
/// By Signal's value.
const std::array<SignalInfo, kSignalCount>& signals();
std::string_view to_string(Signal signal);
std::optional<Signal> signal_from_string(std::string_view name);

using SignalValues = std::map<Signal, double>;

}  // namespace kneepoint::coordinator
