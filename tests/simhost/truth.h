#pragma once

#include <functional>
#include <string_view>

#include "tests/simhost/closed_loop.h"

namespace kneepoint::simhost {

/// What binds past the knee: slots (or KV space) full, or a batch that no longer pays.
enum class KneeKind { kHard, kSoft };
std::string_view to_string(KneeKind kind);

/// Mean-field oracle of the engine under a closed loop, per replica.
///
/// A request takes k = (L − 1) + ⌈P / budget⌉ iterations and adds C = c·k + d·P + e·Σkv to their times, so
/// with b sequences in the batch an iteration takes τ(b) = a + b·C/k and X(b) = b·L / (k·τ(b)) tokens a
/// second. Between two requests a client sits out max(1, h/τ + ½) iterations (its next request arrives while
/// one runs), so N = b·(1 + lag/k) up to the cap b = B, B being the slots or what the KV cache holds. When
/// prompts take the whole token budget, k grows to b·(P + L) / budget. Prefix cache, speculation, preemption
/// and chunk contention are left out: there the simulation is the authority.
class Oracle {
 public:
  Oracle(const EngineConfig& config, Workload workload);

  /// Mean sequences in the batch with `clients` (≥ 1) clients.
  double batch(double clients) const;
  double tokens_per_second(double clients) const;
  /// Time per output token: one iteration.
  double tpot_seconds(double clients) const;
  /// Where the batch stops growing: slots or KV space.
  double batch_cap() const { return cap_; }
  /// KV space is the cap: what preemption and recomputation cost is not in the oracle.
  bool kv_bound() const { return cap_ < config_.slots; }

 private:
  double iterations_per_request(double batch) const;
  double iteration_seconds(double batch) const;
  double clients_for(double batch) const;

  EngineConfig config_;
  Workload workload_;
  double base_iterations_;  // k without contention
  double request_seconds_;  // C
  double cap_;
};

/// The smallest N with X(N) ≥ 0.95 · max X over [N, 2N], on a grid of 0.2 % over [1, highest / 2]; 0 where
/// there is none. `throughput` must be defined on [1, highest].
double saturation_concurrency(const std::function<double(double)>& throughput, double highest);

/// The true knee of one replica of an engine under a workload.
struct Truth {
  double saturation_concurrency = 0;            ///< The oracle's, or the simulation's where KV space binds.
  double oracle_saturation_concurrency = 0;     ///< By the oracle.
  double simulated_saturation_concurrency = 0;  ///< By the engine itself, closed loop in virtual time.
  double max_tokens_per_second = 0;             ///< Of the simulation, over [1, 2 · knee].
  KneeKind kind = KneeKind::kHard;
};

/// Computes both; takes well under a second for the named profiles. Jitter and speculation stay as
/// configured.
Truth true_knee(const EngineConfig& config, Workload workload);

}  // namespace kneepoint::simhost
