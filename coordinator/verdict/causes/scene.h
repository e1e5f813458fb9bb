#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"
#include "coordinator/verdict/attribution.h"
#include "coordinator/verdict/observed_steps.h"

namespace kneepoint::coordinator {

/// A bottleneck by name, and the sentence that shows it.
struct Cause {
  std::string name;
  std::string sentence;
};

/// What a cause can look at, read the way in which it may be read: engine figures only of pages that tell of
/// the load, queues by time integrals where there are any. Outlived by the input.
class Scene {
 public:
  explicit Scene(const AttributionInput& input);

  const AttributionInput& input;
  ObservedSteps steps;
  /// What was seen beside the cause: sentences that are told whatever is found.
  std::vector<std::string> asides;

  /// Whether a knee was found, as a point or as a range.
  bool knee() const { return input.saturation.has_value() || input.range.has_value(); }
  /// The most that the knee may be, where there is one.
  std::optional<double> knee_at_most() const;

  /// The engine's word on a step, where its page may be held against our load.
  static const StepTelemetry* engine(const ObservedStep& o);
  static const GpuTelemetry* gpu(const ObservedStep& o);
  /// Requests that the host has at a time: asked for, or of an open loop what came of it.
  static double held(const Step& step);
  /// Mean number of requests in the batch and in the queue: by time integrals where the window is long
  /// enough, else by what was read once a second, and not where streams run in step.
  static std::optional<double> running(const ObservedStep& o);
  static std::optional<double> waiting(const ObservedStep& o);
  /// How full the batch is: what runs, on average, of the most that any reading of the run found. Both are of
  /// the same readings, but where streams run in step: of such a batch readings are one phase.
  std::optional<double> batch_fill(const ObservedStep& o) const;
  /// The most that any reading found in the batch, in whatever step; 0 where none is known.
  double most_running() const;
  /// Whether the page's KV cache use follows what runs: some engines reserve all of it, or count what they
  /// keep of earlier requests, and say that it is full when one request runs.
  bool kv_usage_tells() const;
  /// Whether the queue is worth a word.
  static bool waits(const ObservedStep& o);
  /// Requests in flight that the engine does not hold; only where its page surely tells of our load.
  std::optional<double> outside_engine(const ObservedStep& o) const;
};

/// Every cause looks for its own signs. An empty answer: they are not there.
std::optional<Cause> client_cause(Scene& scene);
std::optional<Cause> failure_cause(Scene& scene);
std::optional<Cause> role_cause(Scene& scene);
std::optional<Cause> kv_cache_cause(Scene& scene);
std::optional<Cause> compute_cause(Scene& scene);
std::optional<Cause> queue_slots_cause(Scene& scene);
std::optional<Cause> front_end_cause(Scene& scene);
std::optional<Cause> before_engine_cause(Scene& scene);
std::optional<Cause> loss_cause(Scene& scene);
std::optional<Cause> network_cause(Scene& scene);
std::optional<Cause> token_budget_cause(Scene& scene);
std::optional<Cause> prefill_cause(Scene& scene);
std::optional<Cause> busiest_unit_cause(Scene& scene);

/// What fits what was seen and cannot be told apart, with what would tell; empty where nothing fits.
std::string open_causes(const Scene& scene);
/// Whether the GPU surely has time left: its utilisation, which is near 1 long before it is full, is low.
bool gpu_not_full(const ObservedStep& o);
/// Whether the memory bus is seen to be busy, and is nearer to its limit than the tensor pipe.
bool memory_bus_leads(const ObservedStep& o);
/// Of a request's TTFT the server's time before its engine; absent where the server does not tell.
std::optional<double> front_end_seconds(const ObservedStep& o);

}  // namespace kneepoint::coordinator
