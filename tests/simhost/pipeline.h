#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "tests/simhost/gpu_model.h"

namespace kneepoint::simhost {

/// What a request passes on a split host, in this order.
enum class Stage : std::uint8_t { kPrefill, kKvTransfer, kDecode };
/// As verdicts name them: "prefill", "kv_transfer", "decode".
std::string_view to_string(Stage stage);

/// Prefill and decode on workers of their own (disaggregated serving), and the KV cache sent from one to the
/// other; off by default.
struct SplitConfig {
  int prefill_workers = 0;        ///< 0: one engine does both.
  EngineConfig prefill{};         ///< Of each of them.
  int decode_workers = 1;         ///< Each one is an engine as the host's.
  int links = 1;                  ///< Caches that are sent at a time.
  Nanos transfer_per_thousand{};  ///< So long takes a link for the cache of 1,000 prompt tokens; above 0.
  bool on() const { return prefill_workers > 0; }
  Nanos transfer_time(int prompt_tokens) const { return transfer_per_thousand * prompt_tokens / 1000; }
};

/// An engine, and what is before it. An engine alone is one, too.
struct PipelineConfig {
  PipelineConfig(const EngineConfig& own_engine, const SplitConfig& own_split = {})
      : engine(own_engine), split(own_split) {}
  EngineConfig engine;
  SplitConfig split;
};

/// A request's way through engines, on virtual time as theirs is; of a host that is not split, through its
/// one engine. A prefill worker computes the prompt; a link sends its KV cache; a decode worker gives all
/// tokens, the first included, as vLLM's does (it computes the prompt's last token once more).
///
/// Workers get requests in turn, links in the order in which prefill ends. A decode worker asks for a cache
/// as soon as it has been computed. That the prefill worker must keep it until then is left out; what is
/// aborted while it is sent takes its time on the link all the same. Driven as an Engine is:
///
///     pipeline.submit(spec, now);
///     pipeline.start(now);                      // whatever stands idle and has work
///     const auto event = pipeline.finish();     // at pipeline.next(); then start() again
///
/// Not thread-safe.
class Pipeline {
 public:
  using Handle = std::uint32_t;

  /// What one part has done.
  struct Event {
    Stage stage = Stage::kDecode;
    /// Counted through all of them: the decode workers, then the prefill workers. Of a transfer the one that
    /// has received it.
    std::size_t worker = 0;
    Nanos took{};  ///< The iteration; of a transfer all since prefill ended, the wait for a link included.
    /// Of an iteration. Those of a prefill worker are no tokens for a client. Valid until the next finish().
    std::span<const Emission> emissions{};
  };

  explicit Pipeline(const PipelineConfig& config);
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// Queues a request at the first stage. Precondition: as Engine::submit(), of every worker.
  Handle submit(const SequenceSpec& spec, Nanos now);
  /// Forgets a live request, wherever it is. Never call it with a handle whose Emission of a decode worker
  /// said `finished`.
  void abort(Handle handle);

  /// Begins an iteration of every worker that stands idle and has work; false where there was none.
  bool start(Nanos now);
  /// When the next part will have done its work; absent where nothing is under way.
  std::optional<Nanos> next() const;
  /// Ends that one part's work. Precondition: next().
  Event finish();

  const Engine& worker(std::size_t index) const { return workers_[index]; }
  std::size_t decode_workers() const { return decode_workers_; }
  std::size_t workers() const { return workers_.size(); }
  /// Where a live request is; while its cache is sent, where that goes.
  std::size_t worker_of(Handle handle) const { return jobs_[handle].worker; }
  /// Caches on their way to a decode worker, or waiting for a link.
  int arriving(std::size_t decode_worker) const { return arriving_[decode_worker]; }
  /// Requests anywhere on the way; sequences in the decode workers' batches.
  int held() const { return static_cast<int>(jobs_.size() - free_.size()); }
  int decoding() const;

 private:
  struct Job {
    void* tag = nullptr;
    Handle index = 0;
    Stage stage = Stage::kDecode;
    std::size_t worker = 0;
    Engine::Handle sequence = 0;  // of that worker
    int prompt_tokens = 0, output_tokens = 0;
    int cached = 0;  // of the prompt, at the prefill worker
    Nanos submitted{}, prefilled{}, received{};
    bool aborted = false;  // while it is sent
  };

  void send(Job& job, Nanos now);
  Event receive();

  SplitConfig split_;
  std::size_t decode_workers_;
  std::vector<Engine> workers_;
  std::vector<int> arriving_;  // by decode worker
  std::vector<Nanos> links_;   // when each one is free
  std::priority_queue<std::pair<Nanos, Handle>, std::vector<std::pair<Nanos, Handle>>, std::greater<>>
      transfers_;                           // by their ends
  std::size_t prefills_ = 0, decodes_ = 0;  // dealt so far
  std::deque<Job> jobs_;                    // stable addresses: they are the engines' tags
  std::vector<Handle> free_;
  std::vector<Emission> emissions_;
};

}  // namespace kneepoint::simhost
