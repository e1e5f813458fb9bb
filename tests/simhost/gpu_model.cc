#include "tests/simhost/gpu_model.h"

#include <algorithm>
#include <cassert>

namespace kneepoint::simhost {

namespace {
constexpr std::size_t kPrefixTableSize = 1 << 16;  // blocks: about a million tokens
constexpr std::size_t kPrefixWays = 4;
}  // namespace

Engine::Engine(const EngineConfig& config) : config_(config), random_(config.seed) {
  running_.reserve(static_cast<std::size_t>(config.slots));
  emissions_.reserve(static_cast<std::size_t>(config.slots));
  if (config.prefix_cache) prefix_table_.resize(kPrefixTableSize);
}

Engine::Handle Engine::submit(const SequenceSpec& spec, Nanos now) {
  assert(spec.prompt_tokens >= 1 && spec.output_tokens >= 1);
  assert(spec.prompt_tokens + std::int64_t{spec.output_tokens} <= config_.kv_tokens);
  if (free_.empty()) {
    free_.push_back(static_cast<Handle>(sequences_.size()));
    sequences_.emplace_back();
  }
  const Handle handle = free_.back();
  free_.pop_back();
  Sequence& sequence = sequences_[handle];
  sequence.tag = spec.tag;
  sequence.prompt = spec.prompt_tokens;
  sequence.output = spec.output_tokens;
  sequence.generated = sequence.computed = sequence.scheduled = 0;
  sequence.running = sequence.started = false;
  sequence.arrival = now;
  sequence.visible = now + config_.admission_latency;
  sequence.received = spec.received_tokens;
  sequence.blocks.assign(spec.prefix_blocks.begin(), spec.prefix_blocks.end());
  push_waiting(handle, false);
  return handle;
}

void Engine::abort(Handle handle) {
  Sequence& sequence = sequences_[handle];
  if (sequence.running) {
    stats_.kv_used -= sequence.computed + sequence.scheduled;
    running_.erase(std::find(running_.begin(), running_.end(), handle));
    --stats_.running;
  } else {
    unlink_waiting(handle);
  }
  release(handle);
}

bool Engine::begin_iteration(Nanos now) {
  assert(!in_iteration_);
  if (running_.empty() && waiting_head_ == kNone) return false;
  const Nanos start = running_.empty() ? std::max(now, sequences_[waiting_head_].visible) : now;

  int budget = config_.batched_tokens;
  bool preempted = false;
  schedule_running(budget, preempted);
  if (!preempted) admit_waiting(start, budget);

  int batch = 0;
  std::int64_t prefill = 0;
  std::int64_t kv = 0;
  for (Handle handle : running_) {
    const Sequence& sequence = sequences_[handle];
    if (sequence.scheduled == 0) continue;
    ++batch;
    kv += sequence.computed + sequence.scheduled;
    if (!sequence.decoding()) prefill += sequence.scheduled;
  }
  const auto kv_time = Nanos(static_cast<Nanos::rep>(config_.per_kv_token_nanos * static_cast<double>(kv)));
  const Nanos memory = config_.base + kv_time;
  const Nanos compute = config_.per_sequence * batch + config_.per_prefill_token * prefill;
  duration_ = memory + compute;
  if (config_.jitter > 0) {
    const double factor = 1 + config_.jitter * (2 * random_.uniform() - 1);
    duration_ = Nanos(static_cast<Nanos::rep>(static_cast<double>(duration_.count()) * factor));
  }
  if (stats_.iterations == 0) duration_ += config_.phase;
  stats_.memory_bound += memory;
  stats_.compute_bound += compute;
  stats_.busy += duration_;
  ++stats_.iterations;
  end_ = start + duration_;
  in_iteration_ = true;
  return true;
}

void Engine::schedule_running(int& budget, bool& preempted) {
  for (std::size_t i = 0; i < running_.size(); ++i) {  // shrinks from the back as sequences are preempted
    Sequence& sequence = sequences_[running_[i]];
    const int chunk = std::min(sequence.target() - sequence.computed, budget);
    while (i < running_.size() && stats_.kv_used + chunk > config_.kv_tokens) {
      preempt_youngest();
      preempted = true;
    }
    if (i >= running_.size()) return;
    sequence.scheduled = chunk;
    stats_.kv_used += chunk;
    budget -= chunk;
  }
}

void Engine::admit_waiting(Nanos start, int& budget) {
  while (waiting_head_ != kNone && budget > 0 && static_cast<int>(running_.size()) < config_.slots) {
    const Handle handle = waiting_head_;
    Sequence& sequence = sequences_[handle];
    // A whole prompt must fit, not only its first chunk: otherwise a full cache admits what it preempts at
    // once.
    if (sequence.visible > start || stats_.kv_used + sequence.target() > config_.kv_tokens) return;
    unlink_waiting(handle);
    if (!sequence.started) {
      sequence.started = true;
      sequence.first_scheduled = start;
      sequence.cached = cached_prefix(sequence);
      sequence.computed = std::max(sequence.cached, std::min(sequence.received, sequence.prompt - 1));
    }
    sequence.scheduled = std::min(sequence.target() - sequence.computed, budget);
    stats_.kv_used += sequence.computed + sequence.scheduled;
    budget -= sequence.scheduled;
    sequence.running = true;
    running_.push_back(handle);
    ++stats_.running;
  }
}

std::span<const Emission> Engine::finish_iteration() {
  assert(in_iteration_);
  in_iteration_ = false;
  emissions_.clear();
  std::size_t kept = 0;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    const Handle handle = running_[i];
    Sequence& sequence = sequences_[handle];
    const bool decode = sequence.decoding();
    sequence.computed += sequence.scheduled;
    const bool emits = sequence.scheduled > 0 && sequence.computed == sequence.target();
    sequence.scheduled = 0;
    bool finished = false;
    if (emits) {
      const bool first = sequence.generated == 0;
      int tokens = std::min(1 + (decode ? accepted_tokens() : 0), sequence.output - sequence.generated);
      // Accepted drafts have been computed in the same pass: their KV entries are resident already.
      const auto room = std::max<std::int64_t>(0, config_.kv_tokens - stats_.kv_used);
      tokens = static_cast<int>(std::min<std::int64_t>(tokens, 1 + room));
      sequence.generated += tokens;
      sequence.computed += tokens - 1;
      stats_.kv_used += tokens - 1;
      finished = sequence.generated == sequence.output;
      stats_.generated_tokens += static_cast<std::uint64_t>(tokens);
      if (first) {
        stats_.prompt_tokens += static_cast<std::uint64_t>(sequence.prompt);
        remember_prefix(sequence);
      }
      emissions_.push_back({sequence.tag, tokens, first, finished,
                            sequence.first_scheduled - sequence.arrival, sequence.cached, Nanos(0)});
    }
    if (finished) {
      stats_.kv_used -= sequence.computed;
      --stats_.running;
      release(handle);
    } else {
      running_[kept++] = handle;
    }
  }
  running_.resize(kept);
  return emissions_;
}

void Engine::preempt_youngest() {
  const Handle handle = running_.back();
  running_.pop_back();
  Sequence& sequence = sequences_[handle];
  stats_.kv_used -= sequence.computed + sequence.scheduled;
  sequence.computed = sequence.scheduled = 0;  // recompute: prompt and what was generated, as one prefill
  sequence.running = false;
  --stats_.running;
  ++stats_.preemptions;
  push_waiting(handle, true);
}

int Engine::accepted_tokens() {
  if (config_.speculative_tokens <= 0) return 0;
  double probability = config_.acceptance;
  if (config_.acceptance_full && config_.slots > 1) {
    const double full = static_cast<double>(running_.size() - 1) / (config_.slots - 1);
    probability += (*config_.acceptance_full - config_.acceptance) * full;
  }
  int accepted = 0;
  while (accepted < config_.speculative_tokens && random_.uniform() < probability) ++accepted;
  ++stats_.drafts;
  stats_.draft_tokens += static_cast<std::uint64_t>(config_.speculative_tokens);
  stats_.accepted_tokens += static_cast<std::uint64_t>(accepted);
  return accepted;
}

int Engine::cached_prefix(const Sequence& sequence) {
  if (!config_.prefix_cache) return 0;
  int tokens = 0;
  for (std::uint64_t block : sequence.blocks) {
    const auto places = places_of(block);
    if (std::find(places.begin(), places.end(), block) == places.end()) break;
    tokens += kPrefixBlockTokens;
  }
  tokens = std::min(tokens, sequence.prompt - 1);  // the last position must be computed to get its logits
  stats_.prefix_queries += static_cast<std::uint64_t>(sequence.prompt);
  stats_.prefix_hits += static_cast<std::uint64_t>(tokens);
  return tokens;
}

std::span<std::uint64_t> Engine::places_of(std::uint64_t block) {
  const std::size_t set = block % (kPrefixTableSize / kPrefixWays);
  return {prefix_table_.data() + set * kPrefixWays, kPrefixWays};
}

void Engine::remember_prefix(const Sequence& sequence) {
  if (!config_.prefix_cache) return;
  for (std::uint64_t block : sequence.blocks) {
    const auto places = places_of(block);
    if (std::find(places.begin(), places.end(), block) != places.end()) continue;
    std::rotate(places.begin(), places.end() - 1, places.end());  // the oldest goes
    places.front() = block;
  }
}

void Engine::push_waiting(Handle handle, bool front) {
  Sequence& sequence = sequences_[handle];
  sequence.previous = front ? kNone : waiting_tail_;
  sequence.next = front ? waiting_head_ : kNone;
  (sequence.previous == kNone ? waiting_head_ : sequences_[sequence.previous].next) = handle;
  (sequence.next == kNone ? waiting_tail_ : sequences_[sequence.next].previous) = handle;
  ++stats_.waiting;
}

void Engine::unlink_waiting(Handle handle) {
  Sequence& sequence = sequences_[handle];
  (sequence.previous == kNone ? waiting_head_ : sequences_[sequence.previous].next) = sequence.next;
  (sequence.next == kNone ? waiting_tail_ : sequences_[sequence.next].previous) = sequence.previous;
  --stats_.waiting;
}

void Engine::release(Handle handle) {
  sequences_[handle].tag = nullptr;
  free_.push_back(handle);
}

}  // namespace kneepoint::simhost
