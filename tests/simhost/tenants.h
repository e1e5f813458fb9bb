#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tests/simhost/pipeline.h"

namespace kneepoint::simhost {

/// Other users of the same host, who share its engine and whom no client of ours sees; off by default.
struct TenantConfig {
  int requests = 0;  ///< Kept in flight.
  int prompt_tokens = 32, output_tokens = 128;
};

/// Keeps other users' requests in a host that is not split. Not thread-safe.
class Tenants {
 public:
  explicit Tenants(const TenantConfig& config)
      : config_(config), since_(static_cast<std::size_t>(config.requests)) {}
  bool on() const { return config_.requests > 0; }
  /// Their requests come in. Start an iteration thereafter.
  void begin(Pipeline& pipeline, Nanos now) {
    for (Nanos& since : since_) submit(pipeline, since, now);
  }
  /// What an emission was, if it is one of theirs.
  struct Served {
    bool theirs = false;
    std::optional<Nanos> took;  ///< Where it ended a request: from its arrival to now.
  };
  /// A request that has finished is followed by the next.
  Served take(Pipeline& pipeline, const Emission& emission, Nanos now) {
    Nanos* since = static_cast<Nanos*>(emission.tag);
    const bool theirs = !since_.empty() && !std::less<>()(since, since_.data()) &&
                        std::less<>()(since, since_.data() + since_.size());
    if (!theirs) return {};
    if (!emission.finished) return {.theirs = true};
    const Nanos took = now - *since;
    submit(pipeline, *since, now);
    return {.theirs = true, .took = took};
  }

 private:
  void submit(Pipeline& pipeline, Nanos& since, Nanos now) {
    // Lengths differ, or all would end together.
    const int length =
        config_.output_tokens / 2 + static_cast<int>((served_++ * 37) % config_.output_tokens) + 1;
    since = now;
    pipeline.submit({&since, config_.prompt_tokens, length, {}}, now);
  }

  TenantConfig config_;
  std::vector<Nanos> since_;  // of each request; its address is the request's tag
  long served_ = 0;
};

}  // namespace kneepoint::simhost
