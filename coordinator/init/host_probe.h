#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "common/result.h"
#include "coordinator/calibration/usage_probe.h"
#include "coordinator/telemetry/engine_metrics.h"

namespace kneepoint::coordinator {

/// What a serving host says of itself, and what its answer to one small request shows.
struct HostFacts {
  struct Model {
    std::string id;
    std::optional<std::uint64_t> max_length;  ///< Tokens of prompt and answer together, where it says so.
  };

  std::string url;  ///< Base URL, as a plan has it.
  SecretRef auth;
  std::optional<bool> healthy;  ///< What /health says; absent where it is not served, or not asked.
  std::vector<Model> models;    ///< The one that was asked first.
  Api api = Api::kOpenAiChat;
  std::string dialect;                              ///< Of Api::kCustom: which ready description; else empty.
  bool writes_text = true;                          ///< Else its answers have no length: embeddings.
  TokenLimit token_limit = TokenLimit::kMaxTokens;  ///< The name that it takes.
  bool takes_temperature = true;                    ///< kPlanTemperature.
  bool streams = true;  ///< Else it answers whole where a stream is asked for: there is no TTFT.
  UsageReport usage = UsageReport::kNone;
  bool has_metrics = false;      ///< /metrics is a Prometheus exposition …
  std::optional<Engine> engine;  ///< … of this engine …
  std::string version;           ///< … in this version, printable; empty: it does not say.
  std::string clock;             ///< How far its clock is off, as a clause; empty where it is right.
};

/// What written plans ask for, as many chats do.
inline constexpr double kPlanTemperature = 0.7;

struct ProbeOptions {
  std::string url;    ///< Base URL, checked.
  std::string model;  ///< Empty: the first one that the host lists. Given: asked for, also without a list.
  SecretRef auth;
};

/// "openai-chat", or the name of a ready description: "ollama".
std::string dialect_words(const HostFacts& facts);

/// "vLLM 0.26.0", or without a version where none is known. Only of a host whose engine is known.
std::string engine_words(const HostFacts& facts);

/// Asks a running host what it is: /v1/models, /health where that may be asked, /metrics, its version, and
/// for an answer of a few tokens: as chat, as completions, then in each of the ready descriptions, until one
/// is understood. A host without /v1/models is asked for a model on the pages that Ollama, TGI, TEI and
/// Triton have. Blocks for seconds, a minute at worst. @returns one line that says what to do where it cannot
/// be reached, names no model or does not answer a request.
Result<HostFacts> probe_host(const ProbeOptions& options);

}  // namespace kneepoint::coordinator
