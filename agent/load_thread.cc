#include "agent/load_thread.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/pacer.h"

namespace kneepoint::agent {
namespace {

/// A second is handed over this long after its end, so that reads that were under way are in it.
constexpr Nanos kGrace = std::chrono::milliseconds(50);
/// Turns from here on are counted together: a long conversation does not cost a histogram set per turn.
constexpr std::uint32_t kLastTurnBucket = 9;

}  // namespace

LoadThread::LoadThread(std::shared_ptr<const RunSetup> setup, unsigned index, unsigned count,
                       BudgetDone on_budget_done)
    : setup_(std::move(setup)),
      index_(index),
      count_(count),
      on_budget_done_(std::move(on_budget_done)),
      resolver_(poller_),
      recorder_(setup_->assignment.zero, mono_now(), setup_->assignment.cells, setup_->assignment.records),
      cells_(setup_->assignment.cells.size()),
      tick_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->tick(); }, this),
      promotion_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->promote_due(); }, this),
      drain_limit_(
          poller_.timers(), [](void* self) { static_cast<LoadThread*>(self)->cancel_all(); }, this),
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
    report.in_flight = recorder_.in_flight();
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
    pending_.clear();
    promotion_.disarm();
    enforce(LevelOrder());
    if (limit > Nanos(0)) {
      drain_limit_.arm(mono_now() + limit);
    } else {
      cancel_all();
    }
    --commands_;
  });
}

void LoadThread::accept(LevelOrder order) {
  drain_limit_.disarm();
  pending_.push_back(std::move(order));
  // Slots to come are made now, so that their connections are open when the level takes effect.
  add_missing_slots(LoadLevel(pending_.back().level));
  promote_due();
}

void LoadThread::promote_due() {
  const MonoTime zero = setup_->assignment.zero;
  while (!pending_.empty() && zero + pending_.front().level.effective_at <= mono_now()) {
    const LevelOrder order = std::move(pending_.front());
    pending_.pop_front();
    enforce(order);
  }
  if (!pending_.empty()) promotion_.arm(zero + pending_.front().level.effective_at);
}

/// Puts a level into force.
void LoadThread::enforce(const LevelOrder& order) {
  current_ = order;
  const LoadLevel& level = order.level;
  if (level.budget) {
    budget_slots_left_ = 0;
    for (std::uint32_t slot = level.slot_offset; slot < level.concurrency; slot += level.slot_stride) {
      if (mine(level, slot) && budget_share(*level.budget, slot, level.concurrency) > 0) ++budget_slots_left_;
    }
    budget_last_end_ = setup_->assignment.zero + level.effective_at;
    if (budget_slots_left_ == 0) finish_budget(budget_last_end_);
  }
  add_missing_slots(level);
  // By index: slots that end or start meanwhile only append.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    if (slot.cell() == level.cell && slot.number() >= level.warm_slots && mine(level, slot.number())) {
      slot.set_not_before(setup_->assignment.zero + slot_start(level, slot.number()));
    }
    slot.reconsider();
  }
}

bool LoadThread::mine(const LoadLevel& level, std::uint32_t slot) const {
  if (slot >= level.concurrency || slot < level.slot_offset) return false;
  const std::uint32_t place = slot - level.slot_offset;
  return place % level.slot_stride == 0 && place / level.slot_stride % count_ == index_;
}

void LoadThread::add_missing_slots(const LoadLevel& level) {
  std::set<std::uint32_t> present;
  for (const auto& slot : slots_) {
    if (slot->cell() == level.cell && !slot->done()) present.insert(slot->number());
  }
  for (std::uint32_t number = level.slot_offset; number < level.concurrency; number += level.slot_stride) {
    if (!mine(level, number) || present.contains(number)) continue;
    if (level.budget && budget_share(*level.budget, number, level.concurrency) == 0) continue;
    const MonoTime not_before = setup_->assignment.zero + slot_start(level, number);
    const ThreadContext context{poller_, resolver_, recorder_, buffers_};
    slots_.push_back(std::make_unique<Slot>(*this, context, level.cell, number, not_before));
    ++live_slots_;
    slots_.back()->start();
  }
}

bool LoadThread::keeps(const Slot& slot) {
  const auto wants = [&](const LevelOrder& order) {
    return order.level.cell == slot.cell() && mine(order.level, slot.number());
  };
  return wants(current_) || std::any_of(pending_.begin(), pending_.end(), wants);
}

// --- requests ---

std::optional<Ticket> LoadThread::next_request(Slot& slot) {
  promote_due();
  const LoadLevel& level = current_.level;
  if (level.cell != slot.cell() || !mine(level, slot.number())) return std::nullopt;
  if (slot.epoch != level.epoch) {
    slot.epoch = level.epoch;
    slot.issued = 0;
  }
  const std::uint64_t k = slot.issued;
  const std::uint64_t index = slot.number() + k * level.concurrency;
  if (level.budget && index >= *level.budget) return std::nullopt;
  ++slot.issued;
  Ticket ticket;
  ticket.identity = {.seed = setup_->assignment.seed,
                     .cell = slot.cell(),
                     .epoch = level.epoch,
                     .attempt = level.attempt,
                     .slot = slot.number(),
                     .k = k};
  ticket.walk = level.budget ? index : slot.number() + k;
  ticket.concurrency = level.concurrency;
  return ticket;
}

CompletionRequest LoadThread::compose(Slot& slot, const Ticket& ticket, MonoTime intended) {
  const RequestIdentity& identity = ticket.identity;
  const Workload& workload = setup_->cell(slot.cell()).workload;
  CellState& cell = state(slot.cell());
  CompletionRequest request;
  request.route = &route(slot);
  request.dialect = cell.dialect.get();
  request.usage = &cell.usage;
  request.stream = workload.stream;
  request.source = setup_->sources[slot.cell()].get();
  request.pick = request.source->pick(ticket, slot.conversation);
  request.conversation = &slot.conversation;
  request.keep_answer = workload.conversation.has_value();
  request.id = fmt::format("{}-{}-{}-{}-{}", setup_->assignment.run_id, identity.cell, identity.epoch,
                           identity.slot, identity.k);
  request.series = {.cell = slot.cell(),
                    .epoch = identity.epoch,
                    .replica = replica(slot),
                    .prompt_class = request.pick.prompt_class,
                    .turn = std::min(request.pick.turn, kLastTurnBucket)};
  request.slot = identity.slot;
  request.k = identity.k;
  request.intended = intended;
  return request;
}

Nanos LoadThread::turn_ended(Slot& slot, const Ticket& ticket, const PromptPick& pick) {
  if (!setup_->cell(slot.cell()).workload.conversation) return Nanos(0);
  slot.conversation.answered(pick);
  // The next conversation is another user's, who has been thinking elsewhere.
  if (slot.conversation.over()) return Nanos(0);
  const LoadLevel& level = current_.level;
  const bool last = level.budget && slot.epoch == level.epoch &&
                    slot.issued >= budget_share(*level.budget, slot.number(), level.concurrency);
  return last ? Nanos(0) : setup_->sources[slot.cell()]->think_time(ticket.identity);
}

void LoadThread::request_ended(const Slot& slot, MonoTime at) {
  const LoadLevel& level = current_.level;
  if (!level.budget || slot.epoch != level.epoch || slot.cell() != level.cell) return;
  budget_last_end_ = std::max(budget_last_end_, at);
  if (slot.issued != budget_share(*level.budget, slot.number(), level.concurrency)) return;
  if (--budget_slots_left_ == 0) finish_budget(budget_last_end_);
}

/// This thread's part of a budget is done; the last thread to say so tells the controller.
void LoadThread::finish_budget(MonoTime at) {
  BudgetProgress& progress = *current_.progress;
  const Nanos::rep end = (at - setup_->assignment.zero).count();
  Nanos::rep latest = progress.finished_at;
  while (latest < end && !progress.finished_at.compare_exchange_weak(latest, end)) {
  }
  if (progress.threads_left.fetch_sub(1) == 1)
    on_budget_done_(current_.level.epoch, Nanos(progress.finished_at));
}

LoadThread::CellState& LoadThread::state(std::uint32_t cell) {
  CellState& state = cells_[cell];
  if (!state.dialect) {
    const Target& target = setup_->target_of(setup_->cell(cell));
    state.dialect = *make_dialect(target, setup_->cell(cell).workload);  // prepare_run has tried it
  }
  return state;
}

std::uint32_t LoadThread::replica(const Slot& slot) const {
  const auto& replicas = setup_->routes[setup_->cell(slot.cell()).target];
  return slot.number() % static_cast<std::uint32_t>(replicas.size());
}

const Route& LoadThread::route(const Slot& slot) const {
  return setup_->routes[setup_->cell(slot.cell()).target][replica(slot)];
}

// --- ends ---

void LoadThread::slot_ended() {
  ++ended_slots_;
  --live_slots_;
}

void LoadThread::cancel_all() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i]->done()) slots_[i]->cancel();
  }
}

void LoadThread::remove_ended_slots() {
  std::erase_if(slots_, [](const std::unique_ptr<Slot>& slot) { return slot->done(); });
  ended_slots_ = 0;
}

}  // namespace kneepoint::agent
