#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {

enum class Engine : std::uint8_t { kVllm, kSglang, kTgi, kLlamaCpp, kTritonTrtLlm, kRouter };
/// "vLLM", "SGLang", "TGI", "llama.cpp", "Triton TensorRT-LLM", "router".
std::string_view to_string(Engine engine);

/// One way in which an engine shows a signal. docs/telemetry.md says what each was checked against.
struct EngineMetric {
  Engine engine;
  Signal signal;
  std::string_view name;        ///< As exposed.
  std::string_view label = {};  ///< Only series with this label …
  std::string_view value = {};  ///< … at this value.
  double scale = 1;             ///< From the exposed unit to the signal's.
};

/// Every name that is known. Where an engine has several for one signal, the first that is exposed counts, so
/// that an old name beside its successor is never counted twice.
std::span<const EngineMetric> engine_metrics();

/// Whether `name` stands in the table, with ':' or '_', behind a re-exporter's prefix, with or without
/// OpenMetrics' "_total"; or tells of the process that serves the page.
bool is_engine_metric(std::string_view name);

struct EngineReading {
  std::optional<Engine> engine;  ///< The one of which most signals are exposed.
  SignalValues values;           ///< Of the whole page, its ranks included.
  std::string role;  ///< Of a server that says so of itself, "prefill" or "decode"; of a router "router".
  /// Of a server that shows two data parallel ranks or more. Signals that are not told by rank are absent,
  /// but a counter that others have is 0: labelled counters begin with their first event.
  RankValues ranks{};
};

/// Sums a host's series over engines (data parallel ranks), finish reasons and models; kv_usage_ratio is that
/// of the fullest, any other ratio the mean of those above 0: an idle engine shows 0. SGLang's tensor and
/// pipeline ranks tell of the same requests and count once, as do its per-priority series beside their total.
/// Series that are not finite, or are a ratio of −1 ("not known"), are left out. Where a name stands there in
/// several spellings, one counts.
/// @param model only series with this `model_name` and those without one; all where it is empty, or where
/// none carries it (vLLM labels with its first `--served-model-name` only).
EngineReading read_engine_metrics(const std::vector<MetricSample>& samples, std::string_view model = {});

}  // namespace kneepoint::coordinator
