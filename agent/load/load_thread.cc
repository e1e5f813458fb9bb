#include "agent/load/load_thread.h"

#include <algorithm>
#include <utility>

#include "agent/load/pacer.h"

namespace kneepoint::agent {
namespace {

/// A second is handed over this long after its end, so that reads that were under way are in it.
constexpr Nanos kGrace = std::chrono::milliseconds(50);

}  // namespace

LoadThread::LoadThread(std::shared_ptr<const RunSetup> setup, std::shared_ptr<Lease> lease, unsigned index,
                       BudgetDone on_budget_done)
    : setup_(std::move(setup)),
      lease_(std::move(lease)),
      index_(index),
      on_budget_done_(std::move(on_budget_done)),
      resolver_(poller_, &resolve, index),
      zero_(setup_->assignment.zero),
      recorder_(zero_, mono_now(), setup_->assignment.cells, setup_->assignment.records),
      pool_(poller_, resolver_, buffers_),
      cells_(setup_->assignment.cells.size()),
      tick_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->tick(); }, this),
      promotion_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->promote_due(); }, this),
      drain_limit_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->cancel_all(); }, this),
      growth_timer_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->grow(); }, this),
      lease_timer_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->check_lease(); }, this),
      arrivals_(poller_.timers(), recorder_, [this] { serve_arrivals(); }),
      thread_([this] { run(); }) {}

LoadThread::~LoadThread() {
  poller_.stop();
  thread_.join();
}

void LoadThread::run() {
  monitor_.emplace(index_ == 0);
  tick_.arm(recorder_.begin_of(recorder_.second_of(mono_now()) + 1));
  poller_.run([this](Nanos gap, MonoTime) {
    recorder_.end_turn(gap);
    if (ended_slots_ != 0) remove_ended_slots();
  });
}

/// A second has ended.
void LoadThread::tick() {
  const MonoTime now = mono_now();
  const std::int64_t second = recorder_.second_of(now);
  recorder_.cost(second - 1, monitor_->spent());
  recorder_.roll(now);
  tick_.arm(recorder_.begin_of(second + 1));
}

void LoadThread::hand_over(std::function<void(ThreadReport)> on_report) {
  poller_.post([this, on_report = std::move(on_report)] {
    const MonoTime now = mono_now();
    recorder_.roll(now);
    ThreadReport report;
    report.complete_through = recorder_.second_of(now - kGrace) - 1;
    report.seconds = recorder_.take(report.complete_through);
    report.replica_names = recorder_.replica_names();
    report.in_flight = recorder_.in_flight();
    report.in_flight_beside = in_flight_beside_;
    report.backing_off = recorder_.backing_off();
    report.active_slots = live_slots_;
    on_report(std::move(report));
  });
}

// --- levels ---

void LoadThread::apply(LevelOrder order) {
  ++commands_;
  poller_.post([this, order = std::move(order)] {
    accept(order);
    --commands_;
  });
}

void LoadThread::drain(Nanos limit) {
  ++commands_;
  poller_.post([this, limit] {
    end_load();
    if (limit > Nanos(0)) {
      drain_limit_.arm(mono_now() + limit);
    } else {
      cancel_all();
    }
    --commands_;
  });
}

void LoadThread::set_zero(MonoTime zero) {
  poller_.post([this, zero] {
    zero_ = zero;
    recorder_.move_zero(zero);
    promote_due();
  });
}

/// No level is in force, and none is to come.
void LoadThread::end_load() {
  pending_.clear();
  promotion_.disarm();
  enforce(LevelOrder());
}

/// Load that nobody asks for any more ends here, whatever the other threads do.
void LoadThread::check_lease() {
  if (allowed(mono_now())) {
    lease_timer_.arm(lease_->until());
    return;
  }
  end_load();
  cancel_all();
}

void LoadThread::accept(LevelOrder order) {
  if (lease_ != nullptr) {
    if (!allowed(mono_now())) return check_lease();
    lease_timer_.arm(lease_->until());
  }
  drain_limit_.disarm();
  pending_.push_back(std::move(order));
  // Slots to come are made now, so that their connections are open when the level takes effect.
  const LevelOrder next = pending_.back();
  next.level.arrivals ? prepare_spares(next) : add_missing_slots(next);
  promote_due();
}

void LoadThread::promote_due() {
  while (!pending_.empty() && zero_ + pending_.front().level.effective_at <= mono_now()) {
    const LevelOrder order = std::move(pending_.front());
    pending_.pop_front();
    enforce(order);
  }
  if (!pending_.empty()) promotion_.arm(zero_ + pending_.front().level.effective_at);
}

/// Puts a level into force.
void LoadThread::enforce(const LevelOrder& order) {
  current_ = order;
  const LoadLevel& level = order.level;
  if (level.budget) {
    budget_slots_left_ = wanted(level, order.slots);
    budget_last_end_ = zero_ + level.effective_at;
    if (budget_slots_left_ == 0) finish_budget(budget_last_end_);
  }
  if (level.arrivals) {
    growth_.reset();
    growth_timer_.disarm();
    follow_arrivals(order);
  } else {
    arrivals_.stop();
    add_missing_slots(order);
  }
  // By index: slots that end or start meanwhile only append.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    const bool added = slot.number() >= level.warm_slots && slot.number() < level.concurrency;
    if (added && slot.cell() == level.cell && order.slots.has(slot.number())) {
      slot.set_not_before(zero_ + slot_start(level, slot.number()));
    }
    if (!slot.parked || !keeps(slot)) slot.reconsider();
  }
}

bool LoadThread::has_slot(std::uint32_t cell, std::uint32_t number) const {
  const std::vector<bool>& slots = cells_[cell].slots;
  return number < slots.size() && slots[number];
}

void LoadThread::add_missing_slots(const LevelOrder& order) {
  growth_ = Growth{.order = order};
  grow();
}

/// Makes some of the slots that are missing, and the others in turns to come.
void LoadThread::grow() {
  int left = kSlotsPerTurn;
  const auto goes_on = [this] {
    return growth_ && growth_->next < wanted(growth_->order.level, growth_->order.slots);
  };
  // A slot that starts may change what is wanted.
  while (left > 0 && goes_on()) {
    const LevelOrder& order = growth_->order;
    const std::uint32_t number = order.slots.at(growth_->next++);
    if (has_slot(order.level.cell, number)) continue;
    --left;
    add_slot(LoadLevel(order.level), number, Slot::Kind::kClosedLoop);
  }
  if (goes_on()) {
    growth_timer_.arm(mono_now());
  } else {
    growth_.reset();
    growth_timer_.disarm();
  }
}

void LoadThread::add_slot(const LoadLevel& level, std::uint32_t number, Slot::Kind kind) {
  const MonoTime not_before = zero_ + slot_start(level, number);
  std::vector<bool>& slots = cells_[level.cell].slots;
  if (slots.size() <= number) slots.resize(number + 1);
  slots[number] = true;
  slots_.push_back(std::make_unique<Slot>(*this, context(), kind, level.cell, number, not_before));
  ++live_slots_;
  slots_.back()->start();
}

MonoTime LoadThread::end_under(const LevelOrder& order, const Slot& slot) const {
  if (order.level.cell != slot.cell() || !order.slots.has(slot.number())) return MonoTime::min();
  const Nanos end = slot_end(order.level, slot.number());
  if (end == Nanos::max()) return MonoTime::max();
  return end == Nanos::min() ? MonoTime::min() : zero_ + end;
}

MonoTime LoadThread::end_of(const Slot& slot) const {
  MonoTime end = end_under(current_, slot);
  for (const LevelOrder& order : pending_) end = std::max(end, end_under(order, slot));
  return end;
}

// --- ends ---

void LoadThread::slot_ended(const Slot& slot) {
  if (!slot.is_lane()) cells_[slot.cell()].slots[slot.number()] = false;
  ++ended_slots_;
  --live_slots_;
}

void LoadThread::cancel_all() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i]->done()) slots_[i]->cancel();
  }
}

void LoadThread::remove_ended_slots() {
  std::erase_if(parked_, [](const Slot* slot) { return !slot->parked || slot->done(); });
  std::erase_if(slots_, [](const std::unique_ptr<Slot>& slot) { return slot->done(); });
  ended_slots_ = 0;
}

}  // namespace kneepoint::agent
