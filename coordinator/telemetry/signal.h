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
  kRunning,         ///< Requests in the batch now.
  kWaiting,         ///< Requests queued in the engine now.
  kKvUsage,         ///< Share of the KV cache in use, of the fullest engine.
  kPreemptions,     ///< Counter: requests thrown out of the batch for lack of KV cache.
  kQueueTimeSum,    ///< Counter: seconds that requests spent queued …
  kQueueTimeCount,  ///< … and their number.
  // Of requests as they end: over a window longer than they take, the growth of such a sum a second is the
  // mean number of requests in that stage (Little's law), however the readings fall.
  kInferenceTimeSum,      ///< Counter: seconds that requests spent in the batch (prefill and decode) …
  kInferenceTimeCount,    ///< … and their number.
  kPrefillTimeSum,        ///< Counter: seconds from the first scheduling to the first token …
  kPrefillTimeCount,      ///< … and their number.
  kServerTtftSum,         ///< Counter: seconds from arrival at the server's front end to the first token …
  kServerTtftCount,       ///< … and their number.
  kIterationTokensSum,    ///< Counter: tokens that iterations computed, prompt and output …
  kIterationTokensCount,  ///< … and the iterations.
  kProcessCpu,            ///< Counter: CPU seconds of the process that serves the page: the front end's.
  kEngineCpu,             ///< Counter: CPU seconds of the engine's own process, where the host tells.
  kProcessStart,          ///< When the process began, in seconds since 1970: of the page's process.
  kPrefixHits,            ///< Counter: prompt tokens (or blocks) found in the prefix cache …
  kPrefixQueries,         ///< … of those looked up.
  kPrefixHitRatio,        ///< Gauge, where the engine has no such counters.
  kSpecDrafts,            ///< Counter: steps of speculative decoding that proposed tokens …
  kSpecDraftTokens,       ///< … the tokens that they proposed …
  kSpecAccepted,          ///< … and those of them that were accepted.
  kSpecAcceptRatio,       ///< Gauge, where the engine has no such counters …
  kSpecAcceptLength,      ///< … and tokens a step, the one that needs no draft included.
  kRouterWaiting,         ///< Requests held in a router's own queue now.
  kKvTransferring,        ///< Requests whose KV cache is on its way from prefill to decode now.
  kKvTransferSum,         ///< Counter: seconds that transfers of KV cache took …
  kKvTransferCount,       ///< … and their number.
  kKvTransferFailed,      ///< Counter.
  kBystanderTtft,         ///< Gauge: the longest that a request beside the load waited, in a second.
  kBystanderTtftSum,      ///< Counter: seconds that answered ones waited …
  kBystanderRequests,     ///< … and their number.
  kBystanderFailed,       ///< Counter: those that were not answered.
  kGenerationTokens,      ///< Counter.
  kPromptTokens,          ///< Counter.
  kRequestsFinished,      ///< Counter.
  kGpuMemoryUsed,         ///< Over all GPUs.
  kGpuProcessMemory,      ///< Over all GPUs, of the processes that serve the target.
  kGpuMemoryTotal,        ///< Over all GPUs.
  kGpuPower,              ///< Over all GPUs.
  kGpuEnergy,             ///< Counter, over all GPUs.
  kGpuTemperature,        ///< Of the hottest.
  kGpuUtil,               ///< Mean over GPUs. About 1 long before saturation: conclude nothing from it.
  kGpuSmActive,           ///< Mean over GPUs of SM_ACTIVE, or of GR_ENGINE_ACTIVE where that is off.
  kGpuTensorActive,       ///< Mean over GPUs.
  kGpuDramActive,         ///< Mean over GPUs.
};
inline constexpr std::size_t kSignalCount = 47;

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
/// What each of a server's data parallel ranks says for itself, by its number.
using RankValues = std::map<std::uint64_t, SignalValues>;

}  // namespace kneepoint::coordinator
