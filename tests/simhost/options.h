#pragma once

#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/result.h"
#include "tests/simhost/host_config.h"
#include "tests/simhost/truth.h"

namespace kneepoint::simhost {

/// "200us", "9ms", "1.5s", "2m"; a bare number is seconds.
Result<Nanos> parse_duration(std::string_view text);

/// "KIND=RATE", as in --fault.
Result<FaultRate> parse_fault_rate(std::string_view text);

/// "KIND" or "KIND=RATE", as in --misbehave.
Result<MisbehaviourRate> parse_misbehaviour_rate(std::string_view text);

/// "continuous", "final" or "none", as in --usage.
Result<UsageOption> parse_usage_option(std::string_view text);

/// "NAME" or "NAME=FACTOR", as in --adapter.
Result<Adapter> parse_adapter(std::string_view text);

/// "I=FACTOR", as in --slow-replica.
Result<SlowReplica> parse_slow_replica(std::string_view text);

/// "HOST:PORT" or "[V6]:PORT", into address and port of `config`.
Result<void> parse_listen(std::string_view text, HostConfig& config);

/// Makes everything `factor` times as long: the engine's constants and admission latency; of a split, prefill
/// and transfer.
void scale_time(EngineConfig& engine, double factor);
void scale_time(SplitConfig& split, double factor);

/// The body of --print-truth: the fleet's true knee and throughput under `workload`, one replica's, and the
/// oracle's curve at 1, 2, 4, … streams per replica; of a split host the stage that gives out, and each
/// stage. Concurrency and tokens per second of a fleet are `replicas` times one's, since its streams are
/// dealt evenly.
std::string truth_json(const HostConfig& config, Workload workload, const Truth& truth);

}  // namespace kneepoint::simhost
