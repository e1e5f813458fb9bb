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

void LoadThread::follow_arrivals(const LevelOrder& order) {
  const LoadLevel& level = order.level;
  if (order.slots.below(level.concurrency) == 0) return arrivals_.stop();
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
                    .mine = [slots = order.slots, all = level.concurrency](std::uint64_t index) {
                      return slots.has(static_cast<std::uint32_t>(index % all));
                    }});
}

/// Slots with open connections for the first arrivals; more are made as they are needed.
void LoadThread::prepare_spares(const LevelOrder& order) {
  const LoadLevel& level = order.level;
  const double share = static_cast<double>(order.slots.below(level.concurrency)) / level.concurrency;
  const auto wanted = static_cast<std::uint32_t>(
      std::min(std::ceil(level.arrivals->rate * kSpareSeconds * share) + 1, double{kSlotsPerTurn}));
  auto made = static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(), [&](const auto& slot) {
    return slot->cell() == level.cell && !slot->done() && !slot->is_lane();
  }));
  while (made < wanted && add_open_slot(order, Slot::Kind::kSpareOfOpenLoop)) ++made;
}

/// The thread's next slot, if the level has any more.
bool LoadThread::add_open_slot(const LevelOrder& order, Slot::Kind kind) {
  const LoadLevel& level = order.level;
  if (open_.epoch != level.epoch) open_ = {.epoch = level.epoch, .next = 0};
  for (const std::uint32_t all = order.slots.below(level.concurrency); open_.next < all;) {
    const std::uint32_t number = order.slots.at(open_.next++);
    if (has_slot(level.cell, number)) continue;
    add_slot(LoadLevel(level), number, kind);
    return true;
  }
  return false;
}

/// Wakes or makes slots for the arrivals that wait.
void LoadThread::serve_arrivals() {
  while (!arrivals_.empty() && allowed(mono_now())) {
    while (!parked_.empty() && !parked_.back()->parked) parked_.pop_back();
    if (parked_.empty()) {
      if (!add_open_slot(current_, Slot::Kind::kOpenLoop)) return;
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
  due.ticket.arrival = true;
  return due;
}

}  // namespace kneepoint::agent
