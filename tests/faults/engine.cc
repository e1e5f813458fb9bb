#include "tests/faults/engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/load/pacer.h"
#include "common/whole_seconds.h"

namespace kneepoint::faults {

using namespace std::chrono_literals;

Engine::Engine(Options options, Assignment assignment, std::function<void(agent::LevelDone)> on_level_done)
    : options_(std::move(options)),
      assignment_(std::move(assignment)),
      on_level_done_(std::move(on_level_done)),
      zero_(assignment_.zero),
      next_zero_(zero_),
      second_(second_of(now())),
      integrated_(now()) {
  later(std::chrono::seconds(second_ + 1), [this] { end_second(); });
}

Engine::~Engine() {
  alive_.reset();
  cancel_all();
}

/// In this engine's thread, as long as there is one.
void Engine::later(Nanos at, std::function<void()> what) {
  options_.process.run_at(options_.clock.world_time(zero_ + at),
                          [alive = std::weak_ptr<char>(alive_), what = std::move(what)] {
                            if (!alive.expired()) what();
                          });
}

void Engine::apply(const LoadLevel& level) {
  if (!options_.lease->allows(options_.clock.now())) return check_lease();
  later(options_.lease->until() - zero_, [this] { check_lease(); });
  pending_.push_back(level);
  later(level.effective_at, [this] { promote(); });
}

void Engine::check_lease() {
  if (options_.lease->allows(options_.clock.now())) {
    later(options_.lease->until() - zero_, [this] { check_lease(); });
    return;
  }
  drain(0ns);
}

void Engine::promote() {
  while (!pending_.empty() && pending_.front().effective_at <= now()) {
    level_ = pending_.front();
    pending_.pop_front();
    if (level_.budget) last_end_ = level_.effective_at;
    mine_ = slots_of(level_);
    for (std::uint32_t place = 0; place < mine_.below(level_.concurrency); ++place) {
      const std::uint32_t slot = mine_.at(place);
      const auto [mine, is_new] = slots_.try_emplace(slot);
      mine->second.issued = 0;
      if (is_new || slot >= level_.warm_slots) mine->second.not_before = agent::slot_start(level_, slot);
    }
    consider_all();
    note_budget();
  }
  // The zero may have moved since it was to be now.
  if (!pending_.empty()) later(pending_.front().effective_at, [this] { promote(); });
}

bool Engine::keeps(std::uint32_t slot) const {
  if (!mine_.has(slot)) return false;
  return slot < level_.concurrency || now() < agent::slot_end(level_, slot);
}

/// By number: where the lease has ended none is left.
void Engine::consider_all() {
  std::vector<std::uint32_t> numbers;
  for (const auto& [number, slot] : slots_) numbers.push_back(number);
  for (const std::uint32_t number : numbers) consider(number);
}

/// What a slot does next, unless its request is in flight.
void Engine::consider(std::uint32_t slot) {
  // After a freeze, this may come before the level of the time.
  if (!pending_.empty() && pending_.front().effective_at <= now()) return promote();
  const auto found = slots_.find(slot);
  if (found == slots_.end() || found->second.request) return;
  if (!keeps(slot)) {
    slots_.erase(found);
    return;
  }
  Slot& mine = found->second;
  if (now() < mine.not_before) return later(mine.not_before, [this, slot] { consider(slot); });
  if (!options_.lease->allows(options_.clock.now())) return check_lease();
  if (level_.budget && mine.issued >= agent::budget_share(*level_.budget, slot, level_.concurrency)) return;
  ++mine.issued;
  integrate();
  ++stats(level_.epoch).started;
  mine.request = options_.host.send(*this, slot, level_.epoch);
}

/// Once all of the share of a budget has ended.
void Engine::note_budget() {
  if (!level_.budget || done_epoch_ == level_.epoch) return;
  for (const auto& [slot, state] : slots_) {
    if (state.request ||
        (keeps(slot) && state.issued < agent::budget_share(*level_.budget, slot, level_.concurrency)))
      return;
  }
  done_epoch_ = level_.epoch;
  on_level_done_({.epoch = level_.epoch, .finished_at = last_end_});
}

void Engine::drain(Nanos limit) {
  pending_.clear();
  level_ = LoadLevel();
  consider_all();
  if (limit == 0ns) return cancel_all();
  later(now() + limit, [this, epoch = level_.epoch] {
    if (level_.epoch == epoch) cancel_all();
  });
}

void Engine::cancel_all() {
  integrate();
  for (auto& [slot, state] : slots_) {
    if (!state.request) continue;
    ++stats(state.request->epoch).outcomes[static_cast<std::size_t>(Outcome::kCancelled)];
    options_.host.cancel(state.request);
  }
  slots_.clear();
}

bool Engine::idle() const {
  return std::none_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot.second.request; });
}

SeriesStats& Engine::stats(std::uint64_t epoch) {
  SecondSnapshot& second = seconds_[second_of(now())];
  return second.series[SeriesKey{.epoch = epoch}];
}

void Engine::first_token(Request& request) {
  integrate();
  SeriesStats& to = stats(request.epoch);
  ++to.first_tokens;
  to.ttft.record(request.first - request.start, 1);
}

void Engine::tokens(const Request& request) {
  SeriesStats& to = stats(request.epoch);
  ++to.reported_tokens[now() - floor_second(now()) >= 500ms ? 1 : 0];
  ++to.chunks;
}

void Engine::finished(Request& request) {
  integrate();
  SeriesStats& to = stats(request.epoch);
  const MonoTime end = options_.world.now();
  to.e2e.record(end - request.start, 1);
  if (request.length > 1) to.tpot.record((end - request.first) / (request.length - 1), 1);
  ++to.outcomes[static_cast<std::size_t>(Outcome::kSuccess)];
  ++to.joint_good;
  to.usage_tokens += request.length;
  to.usage_chunks += request.length;
  last_end_ = std::max(last_end_, now());
  slots_[request.slot].request.reset();
  later(now(), [this, slot = request.slot] {
    consider(slot);
    note_budget();
  });
}

void Engine::integrate() {
  const Nanos to = now();
  while (integrated_ < to) {
    const Nanos until = std::min(to, floor_second(integrated_) + 1s);
    const double span = to_seconds(until - integrated_);
    SecondSnapshot& second = seconds_[second_of(integrated_)];
    for (const auto& [slot, state] : slots_) {
      if (!state.request) continue;
      SeriesStats& in = second.series[SeriesKey{.epoch = state.request->epoch}];
      in.in_flight += span;
      if (state.request->first == MonoTime{}) in.waiting += span;
    }
    integrated_ = until;
  }
}

void Engine::end_second() {
  integrate();
  second_ = second_of(now());
  zero_ = next_zero_;
  integrated_ = now();
  seconds_[second_ - 1];  // also where nothing happened
  later(std::chrono::seconds(second_ + 1), [this] { end_second(); });
}

SnapshotBatch Engine::collect() {
  integrate();
  SnapshotBatch batch;
  batch.complete_through = second_of(now() - 50ms) - 1;
  while (!seconds_.empty() && seconds_.begin()->first <= batch.complete_through) {
    auto second = seconds_.extract(seconds_.begin());
    second.mapped().second = second.key();
    batch.seconds.push_back(std::move(second.mapped()));
  }
  const std::string name = std::to_string(options_.id);
  batch.replica_names[named_replica(name)] = name;
  for (const auto& [slot, state] : slots_) batch.in_flight += state.request ? 1 : 0;
  batch.active_slots = static_cast<std::uint32_t>(slots_.size());
  return batch;
}

}  // namespace kneepoint::faults
