#pragma once

#include "tests/simhost/gpu_model.h"

namespace kneepoint::simhost {

/// Other users of the same host, who share its engine and whom no client of ours sees; off by default.
struct TenantConfig {
  int requests = 0;  ///< Kept in flight.
  int prompt_tokens = 32, output_tokens = 128;
};

/// Keeps other users' requests in an engine. Not thread-safe.
class Tenants {
 public:
  explicit Tenants(const TenantConfig& config) : config_(config) {}
  bool on() const { return config_.requests > 0; }
  /// Their requests come in. Start an iteration thereafter.
  void begin(Engine& engine, Nanos now) {
    for (int i = 0; i < config_.requests; ++i) submit(engine, now);
  }
  /// Whether an emission is one of theirs; a request that has finished is followed by the next.
  bool take(Engine& engine, const Emission& emission, Nanos now) {
    if (emission.tag != this) return false;
    if (emission.finished) submit(engine, now);
    return true;
  }

 private:
  void submit(Engine& engine, Nanos now) {
    // Lengths differ, or all would end together.
    const int length =
        config_.output_tokens / 2 + static_cast<int>((served_++ * 37) % config_.output_tokens) + 1;
    engine.submit({this, config_.prompt_tokens, length, {}}, now);
  }

  TenantConfig config_;
  long served_ = 0;
};

}  // namespace kneepoint::simhost
