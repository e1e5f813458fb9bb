#include "tests/simhost/pipeline.h"

#include <algorithm>
#include <cassert>

namespace kneepoint::simhost {

namespace {

/// The same engine once more, with randomness of its own.
EngineConfig another(EngineConfig config, std::size_t index) {
  if (index > 0) config.seed = SplitMix64::mix(config.seed + index);
  return config;
}

}  // namespace

std::string_view to_string(Stage stage) {
  constexpr std::string_view kNames[] = {"prefill", "kv_transfer", "decode"};
  return kNames[static_cast<std::size_t>(stage)];
}

Pipeline::Pipeline(const PipelineConfig& config)
    : split_(config.split),
      decode_workers_(config.split.on() ? static_cast<std::size_t>(config.split.decode_workers) : 1),
      arriving_(decode_workers_),
      links_(static_cast<std::size_t>(config.split.links)) {
  const std::size_t all = decode_workers_ + static_cast<std::size_t>(config.split.prefill_workers);
  workers_.reserve(all);
  for (std::size_t i = 0; i < all; ++i)
    workers_.emplace_back(another(i < decode_workers_ ? config.engine : config.split.prefill, i));
}

Pipeline::Handle Pipeline::submit(const SequenceSpec& spec, Nanos now) {
  if (free_.empty()) {
    free_.push_back(static_cast<Handle>(jobs_.size()));
    jobs_.emplace_back();
  }
  const Handle handle = free_.back();
  free_.pop_back();
  Job& job = jobs_[handle];
  job = {.tag = spec.tag,
         .index = handle,
         .prompt_tokens = spec.prompt_tokens,
         .output_tokens = spec.output_tokens,
         .submitted = now};
  SequenceSpec own = spec;
  own.tag = &job;
  if (split_.on()) {
    own.output_tokens = 1;
    job.stage = Stage::kPrefill;
    job.worker = decode_workers_ + prefills_++ % (workers_.size() - decode_workers_);
  }
  job.sequence = workers_[job.worker].submit(own, now);
  return handle;
}

void Pipeline::abort(Handle handle) {
  Job& job = jobs_[handle];
  if (job.stage == Stage::kKvTransfer) {
    job.aborted = true;
    return;
  }
  workers_[job.worker].abort(job.sequence);
  free_.push_back(handle);
}

bool Pipeline::start(Nanos now) {
  bool any = false;
  for (Engine& worker : workers_) any |= !worker.iteration_end() && worker.begin_iteration(now);
  return any;
}

std::optional<Nanos> Pipeline::next() const {
  std::optional<Nanos> first;
  if (!transfers_.empty()) first = transfers_.top().first;
  for (const Engine& worker : workers_) {
    const auto end = worker.iteration_end();
    if (end && (!first || *end < *first)) first = end;
  }
  return first;
}

Pipeline::Event Pipeline::finish() {
  const auto now = next();
  assert(now);
  // Before an iteration that ends at the same instant: it may join the one that follows.
  if (!transfers_.empty() && transfers_.top().first == *now) return receive();
  std::size_t index = 0;
  while (workers_[index].iteration_end() != now) ++index;
  Engine& worker = workers_[index];
  const Stage stage = index < decode_workers_ ? Stage::kDecode : Stage::kPrefill;
  emissions_.clear();
  for (Emission emission : worker.finish_iteration()) {
    Job& job = *static_cast<Job*>(emission.tag);
    emission.tag = job.tag;
    if (stage == Stage::kPrefill) {
      job.cached = emission.cached;
      send(job, *now);
    } else if (split_.on()) {
      emission.cached = job.cached;
      emission.before = job.prefilled - job.submitted;
      emission.queued += job.received - job.prefilled;  // the decode worker holds it since prefill ended
    }
    if (stage == Stage::kDecode && emission.finished) free_.push_back(job.index);
    emissions_.push_back(emission);
  }
  return {stage, index, worker.iteration_time(), emissions_};
}

void Pipeline::send(Job& job, Nanos now) {
  job.stage = Stage::kKvTransfer;
  job.worker = decodes_++ % decode_workers_;
  job.prefilled = now;
  Nanos& free_at = *std::min_element(links_.begin(), links_.end());
  free_at = std::max(free_at, now) + split_.transfer_time(job.prompt_tokens);
  transfers_.emplace(free_at, job.index);
  ++arriving_[job.worker];
}

Pipeline::Event Pipeline::receive() {
  const auto [now, handle] = transfers_.top();
  transfers_.pop();
  Job& job = jobs_[handle];
  --arriving_[job.worker];
  if (job.aborted) {
    free_.push_back(handle);
  } else {
    job.stage = Stage::kDecode;
    job.received = now;
    job.sequence = workers_[job.worker].submit({.tag = &job,
                                                .prompt_tokens = job.prompt_tokens,
                                                .output_tokens = job.output_tokens,
                                                .received_tokens = job.prompt_tokens},
                                               now);
  }
  return {Stage::kKvTransfer, job.worker, now - job.prefilled, {}};
}

int Pipeline::decoding() const {
  int running = 0;
  for (std::size_t i = 0; i < decode_workers_; ++i) running += workers_[i].stats().running;
  return running;
}

}  // namespace kneepoint::simhost
