#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/usage_option.h"
#include "tests/simhost/fault.h"
#include "tests/simhost/gate.h"
#include "tests/simhost/misbehave.h"
#include "tests/simhost/pods.h"
#include "tests/simhost/profile.h"
#include "tests/simhost/tenants.h"
#include "tests/simhost/usage_habit.h"

namespace kneepoint::simhost {

/// A LoRA adapter: served under a name of its own.
struct Adapter {
  std::string name;
  double prefill_factor = 1;  ///< A prompt costs the engine so many times its tokens; at least 1.
};

/// One replica of several that is slower than the others.
struct SlowReplica {
  int index = 0;
  double factor = 1;  ///< All of its engine's times.
};

/// Everything that a simulated host can be told. Plain values; Host::start() validates.
struct HostConfig {
  std::string address = "127.0.0.1";  ///< IP literal.
  std::uint16_t port = 0;             ///< Replica i listens on port + i; 0: each on an ephemeral port.
  int replicas = 1;
  int threads = 1;  ///< Replicas are dealt to them in turn; one replica never uses two.
  Profile profile = profiles().front();
  bool any_model = false;  ///< Serve whatever model name is asked for.
  std::vector<Adapter> adapters;
  std::string name;     ///< Sent as X-Replica, with "-i" for replica i of several; empty: not.
  std::string api_key;  ///< Empty: no authorisation on /v1.
  std::uint64_t seed = 1;
  std::optional<SlowReplica> slow_replica;
  Nanos load_time{};           ///< /health and completions answer 503 until then.
  int tokens_per_chunk = 1;    ///< After the first token, one event per so many (vLLM: stream_interval).
  bool early_role = false;     ///< Send the role-only event on acceptance, not with the first token.
  double eos_mean_tokens = 0;  ///< 0: answers run to max_tokens. Else their natural length is exponential.
  UsageOption usage =
      UsageOption::kContinuous;           ///< The most that may be asked for: more is answered with 400.
  std::optional<UsageHabit> usage_habit;  ///< How it counts its tokens, where not truly.
  bool usage_details = false;             ///< The last usage tells cached and reasoning tokens.
  bool hide_reasoning = false;            ///< Reasoning is counted and not shown.
  /// A gateway before it, which keeps an answer back until it is whole, or until so much time has passed.
  bool buffer = false;
  Nanos flush{};
  int serve_connections = 0;  ///< 0: all. Else more than so many at a time are accepted and never read.
  int reject_above = 0;       ///< 0: never. Else 429 when so many requests run or wait on the replica.
  std::vector<FaultRate> faults;
  std::vector<MisbehaviourRate> misbehaviours;
  PageConfig page;       ///< How /metrics lies.
  GateConfig gate;       ///< What holds requests before the engine.
  TenantConfig tenants;  ///< On every replica.
  Nanos stall_time = std::chrono::seconds(2);
  std::string send_log;  ///< Path; empty: none.
  bool send_log_all = false;
};

}  // namespace kneepoint::simhost
