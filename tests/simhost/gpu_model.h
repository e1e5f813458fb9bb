#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/clock.h"
#include "tests/simhost/random.h"

namespace kneepoint::simhost {

/// Constants of a continuous-batching engine. One iteration that schedules `batch` sequences, computes
/// `prefill` prompt tokens and reads `kv` cached tokens takes
///     a + c·batch + d·prefill + e·kv.
struct EngineConfig {
  int slots = 24;                 ///< Most sequences in one iteration (vLLM: max_num_seqs).
  Nanos base{};                   ///< a: reading the weights; paid once an iteration.
  Nanos per_sequence{};           ///< c
  Nanos per_prefill_token{};      ///< d
  double per_kv_token_nanos = 0;  ///< e; fractions of a nanosecond matter, hence a double.
  Nanos admission_latency{};      ///< From arrival until the scheduler may see the request (tokenizer, IPC).
  int batched_tokens = 2048;      ///< Most tokens computed in one iteration; longer prompts are chunked.
  std::int64_t kv_tokens =
      1 << 20;                 ///< KV capacity. A full cache preempts the youngest sequence (recompute).
  bool prefix_cache = false;   ///< Skip the prefill of leading prompt blocks seen before.
  int speculative_tokens = 0;  ///< Draft tokens per decode step; each is accepted …
  double acceptance = 0;       ///< … with this probability, while all before it were.
  /// The same in a full batch, with a straight line between; absent: the batch does not matter.
  std::optional<double> acceptance_full{};
  double jitter = 0;       ///< Iteration times are scaled by 1 ± uniform jitter (mean 1).
  Nanos phase{};           ///< Extra length of the very first iteration: sets replicas apart.
  std::uint64_t seed = 1;  ///< Of jitter and acceptance.
};

/// A request as the engine sees it.
struct SequenceSpec {
  void* tag = nullptr;                             ///< Comes back in every Emission; never dereferenced here.
  int prompt_tokens = 1;                           ///< At least 1.
  int output_tokens = 1;                           ///< At least 1; the sequence ends after exactly these.
  std::span<const std::uint64_t> prefix_blocks{};  ///< Chained hashes of the prompt's full blocks; copied.
  /// Of the prompt, computed elsewhere: their KV entries come with it. The last token is computed here all
  /// the same.
  int received_tokens = 0;
};

/// What one iteration gave one sequence.
struct Emission {
  void* tag = nullptr;
  int tokens = 0;         ///< At least 1.
  bool first = false;     ///< These are the sequence's first tokens.
  bool finished = false;  ///< The handle is dead now.
  Nanos queued{};         ///< Arrival to first scheduling; meaningful when `first`.
  int cached = 0;         ///< Of the prompt, found in the prefix cache; meaningful when `first`.
  Nanos before{};         ///< The request's time at other workers before this one got it (see Pipeline).
};

/// Gauges and counters since construction.
struct EngineStats {
  int running = 0;
  int waiting = 0;
  std::int64_t kv_used = 0;  ///< Tokens resident, including those of the iteration in progress.
  std::uint64_t iterations = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t prompt_tokens = 0;  ///< Counted when the prompt has been computed.
  std::uint64_t generated_tokens = 0;
  std::uint64_t prefix_queries = 0;  ///< Prompt tokens looked up in the prefix cache.
  std::uint64_t prefix_hits = 0;
  std::uint64_t drafts = 0;           ///< Decode steps that proposed tokens …
  std::uint64_t draft_tokens = 0;     ///< … how many …
  std::uint64_t accepted_tokens = 0;  ///< … and how many of them were accepted.
  Nanos busy{};                       ///< Σ of iteration times …
  Nanos memory_bound{};               ///< … of which a and e·kv,
  Nanos compute_bound{};              ///< … and of which c·batch and d·prefill.
};

/// A continuous-batching engine on virtual time: FIFO queue, slots, chunked prefill under a token budget, KV
/// capacity with preemption, prefix cache, speculative decoding. No I/O and no clock; the caller owns time
/// and drives it:
///
///     engine.submit(spec, now);             // starts nothing
///     engine.begin_iteration(now);          // when idle, and after each finish_iteration()
///     for (auto& e : engine.finish_iteration()) …   // at engine.iteration_end()
///
/// A request that is submitted between a finish and the next begin joins that next iteration; one that
/// arrives during an iteration waits for its end, as in the real thing. Cost is O(batch) an iteration;
/// nothing is allocated once the high-water mark of concurrent requests has been reached. Not thread-safe.
class Engine {
 public:
  using Handle = std::uint32_t;
  static constexpr int kPrefixBlockTokens = 16;

  explicit Engine(const EngineConfig& config);

  /// Queues a request. Precondition: prompt + output tokens fit the KV capacity (else it could never finish).
  Handle submit(const SequenceSpec& spec, Nanos now);
  /// Forgets a live request, wherever it is. Never call it with a handle whose Emission said `finished`.
  void abort(Handle handle);

  /// Schedules the next iteration, from `now` (or from when the first waiting request becomes visible). False
  /// when there is no work. Precondition: no iteration is in progress.
  bool begin_iteration(Nanos now);
  /// The end of the iteration in progress, or nothing when there is none.
  std::optional<Nanos> iteration_end() const { return in_iteration_ ? std::optional(end_) : std::nullopt; }
  /// Ends the iteration in progress. The result is valid until the next call of this function.
  std::span<const Emission> finish_iteration();
  /// How long the iteration in progress, or the last one, takes.
  Nanos iteration_time() const { return duration_; }

  const EngineStats& stats() const { return stats_; }
  const EngineConfig& config() const { return config_; }

 private:
  static constexpr Handle kNone = ~Handle{0};

  struct Sequence {
    void* tag = nullptr;
    int prompt = 0;
    int output = 0;
    int generated = 0;
    int computed = 0;   // KV entries resident
    int scheduled = 0;  // tokens in the iteration in progress
    bool running = false;
    bool started = false;  // was scheduled before (stays set over a preemption)
    Nanos arrival{};
    Nanos visible{};
    Nanos first_scheduled{};
    int cached = 0;           // of the prompt, when it was first scheduled
    int received = 0;         // of the prompt, computed elsewhere
    Handle previous = kNone;  // waiting list
    Handle next = kNone;
    std::vector<std::uint64_t> blocks;

    int target() const { return prompt + generated; }
    bool decoding() const { return generated > 0 && computed + 1 == target(); }
  };

  void push_waiting(Handle handle, bool front);
  void unlink_waiting(Handle handle);
  void schedule_running(int& budget, bool& preempted);
  void admit_waiting(Nanos start, int& budget);
  void preempt_youngest();
  int accepted_tokens();
  int cached_prefix(const Sequence& sequence);
  std::span<std::uint64_t> places_of(std::uint64_t block);
  void remember_prefix(const Sequence& sequence);
  void release(Handle handle);

  EngineConfig config_;
  EngineStats stats_;
  SplitMix64 random_;
  std::vector<Sequence> sequences_;
  std::vector<Handle> free_;
  std::vector<Handle> running_;  // in order of admission
  std::vector<Emission> emissions_;
  std::vector<std::uint64_t> prefix_table_;  // four places for each hash: a fifth block evicts
  Handle waiting_head_ = kNone;
  Handle waiting_tail_ = kNone;
  bool in_iteration_ = false;
  Nanos end_{};
  Nanos duration_{};
};

}  // namespace kneepoint::simhost
