#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "agent/load/load_thread.h"

// LoadThread's part in an open loop: arrivals find slots here, where a closed loop's slots find requests.
namespace kneepoint::agent {
namespace {

/// An open loop begins with open connections for the requests of this time.
constexpr double kSpareSeconds = 1;

}  // namespace

void LoadThread::follow_arrivals(const LoadLevel& level) {
  if (first_slot(level) >= level.concurrency) return arrivals_.stop();
  const RequestIdentity identity{
      .seed = setup_->assignment.seed, .cell = level.cell, .epoch = level.epoch, .attempt = level.attempt};
  std::shared_ptr<const Dataset> trace;
  double time_scale = 1;
  if (const auto& use = setup_->cell(level.cell).workload.dataset) {
    const auto found = setup_->assignment.datasets.find(use->hash);
    if (found != setup_->assignment.datasets.end()) trace = found->second;
    time_scale = use->time_scale;
  }
  arrivals_.follow({.schedule = ArrivalSchedule(*level.arrivals, random_bits(identity, kArrivalDraw),
                                                std::move(trace), time_scale),
                    .begin = zero_ + level.effective_at,
                    .key = {.cell = level.cell, .epoch = level.epoch},
                    .attempt = level.attempt,
                    .mine = [this, level](std::uint64_t index) {
                      return mine(level, static_cast<std::uint32_t>(index % level.concurrency));
                    }});
}

/// Slots with open connections for the first arrivals; more are made as they are needed.
void LoadThread::prepare_spares(const LoadLevel& level) {
  const double share = 1.0 / slot_step(level);
  const auto wanted = static_cast<std::uint32_t>(
      std::min(std::ceil(level.arrivals->rate * kSpareSeconds * share) + 1, double{kSlotsPerTurn}));
  auto made = static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->cell() == level.cell && !slot->done();
  }));
  while (made < wanted && add_open_slot(level, Slot::Kind::kSpareOfOpenLoop)) ++made;
}

/// The thread's next slot, if the level has any more.
bool LoadThread::add_open_slot(const LoadLevel& level, Slot::Kind kind) {
  // An open loop's slots are made in order and end together.
  std::uint32_t number = first_slot(level);
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
    if ((*slot)->cell() != level.cell || (*slot)->done()) continue;
    number = (*slot)->number() + slot_step(level);
    break;
  }
  if (number >= level.concurrency) return false;
  add_slot(LoadLevel(level), number, kind);
  return true;
}

/// Wakes or makes slots for the arrivals that wait.
void LoadThread::serve_arrivals() {
  while (!arrivals_.empty() && allowed(mono_now())) {
    while (!parked_.empty() && !parked_.back()->parked) parked_.pop_back();
    if (parked_.empty()) {
      if (!add_open_slot(current_.level, Slot::Kind::kOpenLoop)) return;
      continue;
    }
    Slot& slot = *parked_.back();
    parked_.pop_back();
    slot.reconsider();
  }
}

std::optional<DueRequest> LoadThread::next_arrival(Slot& slot) {
  if (arrivals_.empty() || !allowed(mono_now())) {
    slot.parked = true;
    parked_.push_back(&slot);
    return std::nullopt;
  }
  const Arrival arrival = arrivals_.take();
  DueRequest due{.ticket = {}, .at = arrival.at};
  due.ticket.identity = {.seed = setup_->assignment.seed,
                         .cell = arrival.level.cell,
                         .epoch = arrival.level.epoch,
                         .attempt = arrival.attempt,
                         .k = arrival.index};
  due.ticket.walk = arrival.index;
  return due;
}

}  // namespace kneepoint::agent
