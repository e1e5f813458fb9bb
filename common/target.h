#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/dialect_description.h"

namespace kneepoint {

/// The wire dialect of a serving host.
enum class Api { kOpenAiChat, kOpenAiCompletions, kVllmGenerate, kCustom };
std::string_view to_string(Api api);
std::optional<Api> api_from_string(std::string_view name);

/// Where an agent finds a secret. The secret itself never enters a plan, a log or a gRPC message: each agent
/// resolves the reference on its own host.
struct SecretRef {
  enum class Source { kNone, kEnvironment, kFile };
  Source source = Source::kNone;
  std::string name;  ///< Environment variable or file path.
  bool operator==(const SecretRef&) const = default;
};

/// TLS towards a target. Paths are on the agent's host.
struct TlsOptions {
  bool verify = true;
  std::string ca_file;      ///< Empty: the system's roots.
  std::string client_cert;  ///< Empty: no client certificate.
  std::string client_key;
  std::string server_name;  ///< Empty: the URL's host.
  bool operator==(const TlsOptions&) const = default;
};

/// Which replica a request goes to, of R.
enum class Routing : std::uint8_t {
  kPinned,      ///< Slot s keeps to replica s mod R; an open loop's requests, which are no slot's, in turn.
  kRoundRobin,  ///< Request k of slot s to (s + k) mod R, arrival k of an open loop to k mod R.
  kLeastInFlight,  ///< To the one with the fewest requests in flight from the same event-loop thread.
};
std::string_view to_string(Routing routing);
std::optional<Routing> routing_from_string(std::string_view name);

/// The name under which OpenAI's chat API is told how long an answer may be: newer models refuse the older
/// one.
enum class TokenLimit : std::uint8_t { kMaxTokens, kMaxCompletionTokens };
std::string_view to_string(TokenLimit limit);
std::optional<TokenLimit> token_limit_from_string(std::string_view name);

/// Whether a connection carries one request after the other, or one only.
enum class ConnectionUse : std::uint8_t { kReuse, kPerRequest };

/// An exporter of GPU metrics.
struct GpuExporter {
  std::string url;
  std::map<std::string, std::string> labels;  ///< Only series with these: where it covers more cards.
  bool operator==(const GpuExporter&) const = default;
};

/// Which metrics the coordinator reads of a target, once a second.
struct TelemetryOptions {
  bool off = false;
  std::vector<std::string> urls;  ///< The engine's; empty: each replica's own /metrics is tried.
  std::vector<std::string> pods;  ///< Each stands for all addresses that its host's name has.
  /// Of `urls` and `pods` that serve a part of each request: "prefill", "decode" or "router". Pages may say
  /// so themselves.
  std::map<std::string, std::string> roles;
  std::vector<GpuExporter> gpus;  ///< dcgm-exporters.
  std::optional<bool> nvml;       ///< Read this machine's GPUs. Absent: where every URL is loopback.
  bool operator==(const TelemetryOptions&) const = default;
};

/// The run waits until a target serves its model.
struct WaitReady {
  Nanos timeout = std::chrono::minutes(10);
  std::optional<RealTime> started;  ///< When the server was started; absent: its load began with the waiting.
  bool operator==(const WaitReady&) const = default;
};

/// A serving host or a fleet of equal replicas.
struct Target {
  std::string name;
  std::vector<std::string> urls;  ///< Base URLs; replica i is urls[i].
  Api api = Api::kOpenAiChat;
  std::optional<DialectDescription> dialect;  ///< Given for Api::kCustom, and only for it.
  std::string model;
  TokenLimit token_limit = TokenLimit::kMaxTokens;  ///< The other one only with Api::kOpenAiChat.
  SecretRef auth;  ///< Each of its lines is a key; sessions are dealt to them.
  std::string auth_header = "Authorization";
  std::string auth_scheme = "Bearer";  ///< Stands before the key; empty: the key alone.
  std::string session_header;          ///< Of requests: names their session. Empty: none.
  /// Its value is what the session's last response had there; else one of ours, new for each session.
  bool session_from_server = false;
  std::map<std::string, std::string> headers;
  TlsOptions tls;
  Routing routing = Routing::kPinned;
  ConnectionUse connection = ConnectionUse::kReuse;
  std::string replica_header;  ///< Of responses: names the replica behind a URL. Empty: URLs are replicas.
  Nanos connect_timeout = std::chrono::seconds(10);
  Nanos request_timeout = std::chrono::minutes(10);  ///< From the send to the last byte.
  Nanos idle_timeout = std::chrono::seconds(60);     ///< The longest silence inside a stream.
  // The coordinator's business: agents are not told.
  TelemetryOptions telemetry;
  std::optional<WaitReady> wait_ready;
  std::optional<std::uint32_t> gpus;    ///< Of one replica. For the report only: does not travel to agents.
  std::optional<double> cost_per_hour;  ///< Likewise, in whatever money the plan's author counts.
  bool operator==(const Target&) const = default;
};

/// Whether requests to the target can carry earlier turns and its answers' text can be told: what
/// conversations need.
bool speaks_chat(const Target& target);

}  // namespace kneepoint
