#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

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
/// prompts take the whole token budget, k grows to b·(P + L) / budget. P is what is computed here, and at
/// least the last token; what was received takes KV space and is read. Prefix cache, speculation, preemption
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
  /// A request's time in the engine, once it is scheduled, in a batch of so many on average: k·τ(max(1, b)),
  /// since its own is in the batch.
  double residence_seconds(double batch) const;
  /// Requests a second with the batch at its cap, and the batch that gives so many.
  double most_per_second() const { return cap_ / residence_seconds(cap_); }
  double batch_at(double requests_per_second) const;

 private:
  double iterations_per_request(double batch) const;
  double iteration_seconds(double batch) const;
  double clients_for(double batch) const;

  EngineConfig config_;
  Workload workload_;
  double computed_tokens_;  // P
  double base_iterations_;  // k without contention
  double request_seconds_;  // C
  double cap_;
};

/// Asymptotic bounds of a split host under a closed loop (Denning and Buzen, "The Operational Analysis of
/// Queueing Network Models", 1978): a closed network of three stations, prefill workers, links and decode
/// workers.
///
/// While nobody waits X requests a second hold N(X) = Σ X·R_i, R_i being a request's time at station i, and
/// no station gives more than its highest rate: its servers over a request's demand. The least of these rates
/// is the host's, that station gives out, and N(X) at that rate is N*: where times do not depend on the
/// batch, Σ demands over the largest demand per server. An engine's times do; they are the Oracle's k·τ(b),
/// and a decode worker takes a request at the end of an iteration, which is half of one away. What waits by
/// chance near N* is left out: there the simulation is the authority.
class SplitOracle {
 public:
  struct Station {
    Stage stage{};
    int servers = 1;
    double seconds = 0;  ///< A request's time there with no other on the host.
    double most_per_second = 0;
  };

  SplitOracle(const SplitConfig& split, const EngineConfig& decode, Workload workload);

  /// In the order in which they are passed.
  const std::vector<Station>& stations() const { return stations_; }
  /// The station that gives out.
  const Station& bottleneck() const;
  /// N(X).
  double clients_for(double requests_per_second) const;
  double tokens_per_second(double clients) const;
  double tpot_seconds(double clients) const;
  /// Sequences in all decode batches.
  double batch_cap() const { return decode_workers_ * decode_.batch_cap(); }

 private:
  double requests_per_second(double clients) const;

  Oracle prefill_, decode_;
  double prefill_workers_, decode_workers_, output_tokens_;
  std::vector<Station> stations_;
};

/// The smallest N with X(N) ≥ 0.95 · max X over [N, 2N], on a grid of 0.2 % over [1, highest / 2]; 0 where
/// there is none. `throughput` must be defined on [1, highest].
double saturation_concurrency(const std::function<double(double)>& throughput, double highest);

/// The true knee of one replica of a host under a workload.
struct Truth {
  /// The oracle's, or the simulation's where KV space binds or the host is split.
  double saturation_concurrency = 0;
  double oracle_saturation_concurrency = 0;     ///< By the oracle.
  double simulated_saturation_concurrency = 0;  ///< By the engine itself, closed loop in virtual time.
  double max_tokens_per_second = 0;             ///< Of the simulation, over [1, 2 · knee].
  KneeKind kind = KneeKind::kHard;
  std::optional<Stage> gives_out{};  ///< Of a split host.
};

/// Computes both; takes well under a second for the named profiles. Jitter and speculation stay as
/// configured.
Truth true_knee(const PipelineConfig& config, Workload workload);

}  // namespace kneepoint::simhost
