#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "tests/method/moving_host.h"

/// A continuous-batching serving host as a queueing model with known truth: what the method is tested
/// against.
namespace kneepoint::method {

/// One decode iteration with b requests in the batch, of which k are new, takes on average
///
///     base·(1 + drift·t) + per_request·⌈b/stair⌉·stair + collapse·max(0, b − collapse_from) + prefill·k
///
/// seconds; every request in the batch gets one token at its end, a new one its first. Requests wait in FIFO
/// order for one of `slots`. Times are seconds, lengths tokens.
struct QueueModel {
  double base = 0.020;          ///< a
  double per_request = 0.0001;  ///< c
  double prefill = 0.001;       ///< d × prompt tokens
  std::uint32_t slots = 64;
  std::uint32_t shortest = 16, longest = 48;  ///< Output tokens, uniform.

  std::uint32_t stair = 1;                       ///< Batches are padded to multiples of this.
  double collapse = 0;                           ///< Extra seconds per request in the batch beyond …
  std::uint32_t collapse_from = 0;               ///< … this many.
  double drift = 0;                              ///< Relative growth of `base` per second.
  std::optional<std::uint32_t> admission_limit;  ///< Requests in the system; more are turned away with 429.
  bool burst_start = false;                      ///< Added slots all start at once, whatever the level says.

  /// Slots hold sessions of so many requests: between two of them they think for `think` on average, uniform
  /// from half to one and a half of it; the next session begins at once.
  std::uint32_t turns = 1;
  double think = 0;

  /// Iteration times vary: independently, and together over about `slow_seconds`. Relative standard
  /// deviations.
  double fast_noise = 0.04;
  double slow_noise = 0.01;
  double slow_seconds = 1;

  Movement movement;  ///< On top of all that; speeds are relative to what is said above.

  double mean_length() const { return (shortest + longest) / 2.0; }
  /// Mean pause after a request, those after which a session ends included.
  double mean_pause() const { return think * (turns - 1) / turns; }
  /// Mean duration of an iteration that holds `batch` requests and admits `admitted`, at `time`.
  double iteration(double batch, double admitted, double time = 0) const;
  /// The oracle: tokens per second with `n` requests kept in flight, in the steady state as of `time`. Exact
  /// by renewal reward: every iteration yields one token for each request in it and admits b / mean length.
  /// Of a host that moves: what lasts, once a change that comes once is over, and the mean over what comes
  /// and goes.
  ///
  /// Of sessions: the host that serves k requests as fast as it serves k of a closed loop, and N − k that
  /// think, are a closed network of two stations with product form (Baskett, Chandy, Muntz, Palacios, 1975),
  /// P(k) ∝ z^(N−k)/(N−k)! · Π L/X(i), i = 1 … k, whatever the distribution of the pauses, z on average.
  double throughput(std::uint32_t n, double time = 0) const;
  /// Requests in flight with `n` slots, on average: `n` but for those that think.
  double in_flight(std::uint32_t n) const;
};

/// Smallest N (linear in N/X(N) between whole numbers) with X(N) ≥ 0.95 · max X over [N, 2N]; absent where
/// 2N > max.
std::optional<double> true_saturation(const QueueModel& model, std::uint32_t max, double time = 0);

/// The share of requests whose first token comes later than `limit` with `n` kept in flight, from a long
/// simulation in the steady state. Deterministic.
double true_ttft_violation(const QueueModel& model, std::uint32_t n, Nanos limit);

/// A case of the method table.
struct Case {
  std::string name;
  QueueModel model;
  std::uint32_t max = 4096;
  Nanos ttft_limit{0};         ///< Of the plan's SLO: p95 of TTFT. 0: the plan has none.
  bool soft = false;           ///< Accepted with an error of 10 % instead of 5 %.
  bool expects_drift = false;  ///< The search should say DRIFT.
  double minutes = 0;  ///< What a search took before it confirmed what it found; it may take a third more.

  // Of a host that moves.
  std::vector<std::string> kinds;        ///< What its movement may be called.
  double undecided = 1;                  ///< The share of runs that may end without a trustworthy verdict.
  std::vector<std::string> bottlenecks;  ///< What may be named as giving out first, beside nothing.
  std::vector<std::uint32_t> steps;      ///< A ramp of fixed steps; empty: a search.

  bool moves() const { return model.movement.how != Moving::kNot; }
};

/// hard, soft25, soft200, retrograde, collapse, staircase, drift, r429, convoy, null, sessions.
std::vector<Case> all_cases();

}  // namespace kneepoint::method
