#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simhost/gpu_model.h"
#include "tests/simhost/profile.h"

namespace kneepoint::simhost {

/// A Prometheus histogram with fixed bounds. Not thread-safe.
class BucketHistogram {
 public:
  explicit BucketHistogram(std::span<const double> bounds);
  void record(double value, std::uint64_t times = 1);
  /// Appends one series of a family. @param labels without braces, e.g. `engine="0"`.
  void render(std::string& out, std::string_view name, std::string_view labels) const;

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

/// What a replica observes beside the engine's own counters; vLLM's histograms, in seconds and tokens.
struct EngineTelemetry {
  EngineTelemetry();
  BucketHistogram time_to_first_token;
  BucketHistogram inter_token_latency;
  BucketHistogram time_per_output_token;
  BucketHistogram e2e_request_latency;
  BucketHistogram request_queue_time;
  BucketHistogram request_inference_time;
  BucketHistogram request_prefill_time;
  BucketHistogram request_decode_time;
  BucketHistogram request_prompt_tokens;
  BucketHistogram request_generation_tokens;
  BucketHistogram iteration_tokens;
  BucketHistogram kv_transfer_time;
  std::uint64_t finished_stop = 0;
  std::uint64_t finished_length = 0;
  std::uint64_t finished_abort = 0;
};

/// One engine of those that a page shows.
struct ShownEngine {
  const EngineTelemetry& telemetry;
  const EngineStats& stats;
};

/// The body of /metrics, with vLLM's current names and labels. @param engines at least one; the label
/// `engine` is the place in this list, as of data parallel ranks. @param config of any of them.
std::string render_vllm_metrics(std::span<const ShownEngine> engines, const EngineConfig& config,
                                std::string_view model);

/// What a decode worker's page says besides, as vLLM does with NIXL, of the KV caches that it has received.
std::string render_kv_transfer_metrics(const EngineTelemetry& telemetry, std::string_view model);

/// The body of a router's /metrics, with the names of llm-d's. @param held requests in its queue.
std::string render_router_metrics(std::size_t held, std::string_view model);

/// What a Python client library adds of its own process. @param cpu of it; absent: not told.
std::string render_process_metrics(RealTime started, std::optional<Nanos> cpu);

/// A card that would behave like this engine. DCGM averages over about a second: so does this, over the time
/// since the last sample that is at least 100 ms old. Not thread-safe.
class GpuSampler {
 public:
  /// @param start where the first sample begins, on the engine's time line.
  GpuSampler(const Profile& profile, int gpu, Nanos start) : profile_(profile), gpu_(gpu), last_(start) {}
  /// The body of /gpu/metrics, with dcgm-exporter's names. @param now of the engine's time line.
  std::string render(Nanos now, const EngineStats& stats);

 private:
  void sample(Nanos now, const EngineStats& stats);

  const Profile& profile_;
  int gpu_;
  Nanos last_;
  EngineStats before_;
  double busy_ = 0;     // share of time with an iteration in progress
  double memory_ = 0;   // share spent on weights and KV
  double compute_ = 0;  // share spent on sequences and prefill
};

}  // namespace kneepoint::simhost
