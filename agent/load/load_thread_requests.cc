#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/load/load_thread.h"
#include "agent/load/pacer.h"
#include "common/request_id.h"

// LoadThread's part in a single request: what it asks, where it goes, and what its end means for the level.
namespace kneepoint::agent {
namespace {

/// Turns from here on are counted together: a long conversation does not cost a histogram set per turn.
constexpr std::uint32_t kLastTurnBucket = 9;

}  // namespace

std::optional<Ticket> LoadThread::next_request(Slot& slot) {
  promote_due();
  const LoadLevel& level = current_.level;
  const MonoTime now = mono_now();
  if (!allowed(now)) return std::nullopt;
  if (const MonoTime end = end_under(current_, slot); end != MonoTime::max() && now >= end)
    return std::nullopt;
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

CompletionRequest LoadThread::compose(Slot& slot, const Ticket& ticket, MonoTime intended,
                                      std::optional<std::uint32_t> turn) {
  const RequestIdentity& identity = ticket.identity;
  const Workload& workload = setup_->cell(slot.cell()).workload;
  CellState& cell = state(slot.cell());
  CompletionRequest request;
  request.usage = &cell.usage;
  request.stream = workload.stream;
  request.source = setup_->sources[slot.cell()].get();
  request.pick = turn ? request.source->later_turn(identity, slot.lanes->first, *turn)
                      : request.source->pick(ticket, slot.conversation);
  request.dialect = cell.dialects[request.pick.prompt_class].get();
  request.headers = setup_->headers[slot.cell()][request.pick.prompt_class];
  slot.replica = pick_replica(slot, ticket, request.pick.turn);
  request.route = &setup_->routes[setup_->cell(slot.cell()).target][slot.replica];
  ++cell.in_flight[slot.replica];
  if (slot.in_flight++ > 0) ++in_flight_beside_;
  join_session(slot, ticket, request);
  request.conversation = &slot.conversation;
  // A log has the answers that its conversations go on from, and a trace's prompts hold them.
  request.keep_answer = workload.conversation &&
                        !(workload.dataset && (workload.dataset->messages || workload.dataset->lengths_only));
  request.id =
      request_id(setup_->assignment.run_id, identity.cell, identity.epoch, identity.slot, identity.k);
  request.series = {.cell = slot.cell(),
                    .epoch = identity.epoch,
                    .replica = slot.replica,
                    .prompt_class = request.pick.prompt_class,
                    .turn = std::min(request.pick.turn, kLastTurnBucket)};
  request.slot = identity.slot;
  request.k = identity.k;
  request.intended = intended;
  if (turn) move_lanes(slot, request.series);
  return request;
}

// --- lanes ---

std::optional<Ticket> LoadThread::next_turn(Slot& session, std::uint32_t turn) {
  if (!session.lanes->ticket.arrival) return next_request(session);
  Ticket ticket = session.lanes->ticket;
  ticket.identity.slot = turn;
  return ticket;
}

void LoadThread::fork(Slot& session, Slot::Fork fork) {
  ++session.lanes->open;
  slots_.push_back(std::make_unique<Slot>(*this, context(), session, std::move(fork)));
  session.lanes->forks.push_back(slots_.back().get());
  ++live_slots_;
  slots_.back()->start();
}

void LoadThread::lane_begins(Slot& session) {
  count_lane(session, 1);
}

void LoadThread::lane_ended(Slot& lane, bool broken_off) {
  Slot& session = lane.owner();
  SessionLanes& lanes = *session.lanes;
  --lanes.open;
  std::erase(lanes.forks, &lane);
  count_lane(session, -1);
  if (broken_off && !lanes.broken) {
    lanes.broken = true;
    lanes.turns.abandon();
    // Those that wait for their time need not any more. None is destroyed within this turn of the event loop.
    for (Slot* other : std::vector(lanes.forks)) other->reconsider();
    session.reconsider();
  } else if (lanes.open == 0) {
    session.reconsider();
  }
}

void LoadThread::count_lane(Slot& session, std::int32_t by) {
  SessionLanes& lanes = *session.lanes;
  const auto beside = [&] { return static_cast<std::int32_t>(std::max(lanes.counted, 1u)) - 1; };
  const std::int32_t before = beside();
  lanes.counted += static_cast<std::uint32_t>(by);
  if (beside() != before) recorder_.beside(lanes.key, beside() - before, mono_now());
}

/// A session that goes on under another level is counted there.
void LoadThread::move_lanes(Slot& session, const SeriesKey& key) {
  SessionLanes& lanes = *session.lanes;
  if (lanes.key.epoch == key.epoch) return;
  if (lanes.counted > 1) {
    const auto beside = static_cast<std::int32_t>(lanes.counted) - 1;
    const MonoTime now = mono_now();
    recorder_.beside(lanes.key, -beside, now);
    recorder_.beside(key, beside, now);
  }
  lanes.key = key;
}

void LoadThread::join_session(Slot& slot, const Ticket& ticket, CompletionRequest& request) {
  const Cell& cell = setup_->cell(slot.cell());
  // A conversation is a session, or else what a slot does, or an arrival that waits for nobody.
  const bool begins = cell.workload.conversation ? request.pick.turn == 0
                                                 : slot.sessions == 0 || current_.level.arrivals.has_value();
  if (begins) {
    ++slot.sessions;
    slot.session.clear();
    if (!setup_->target_of(cell).session_from_server) {
      RequestIdentity identity = ticket.identity;
      identity.seed = setup_->assignment.text_seed;  // no session of another run
      slot.session = fmt::format("{:016x}", random_bits(identity, kSessionDraw));
    }
  }
  request.session = &slot.session;
  const std::vector<std::string>& keys = setup_->keys[cell.target];
  const std::uint64_t number = current_.level.arrivals ? ticket.identity.k : slot.number() + slot.sessions;
  request.key = keys[number % keys.size()];
}

Nanos LoadThread::turn_ended(Slot& slot, const Ticket& ticket, const CompletionRequest& request,
                             MonoTime at) {
  const Workload& workload = setup_->cell(slot.cell()).workload;
  if (!workload.thinks()) return Nanos(0);
  if (workload.conversation) {
    slot.conversation.answered(request.pick);
    // The next conversation is another user's, who has been thinking elsewhere.
    if (slot.conversation.over()) return Nanos(0);
  }
  const LoadLevel& level = current_.level;
  const bool last = level.budget && slot.epoch == level.epoch &&
                    slot.issued >= budget_share(*level.budget, slot.number(), level.concurrency);
  if (last) return Nanos(0);
  return request.source->think_time(ticket.identity, request.pick, at - request.intended);
}

void LoadThread::request_ended(Slot& slot, MonoTime at) {
  if (--slot.in_flight > 0) --in_flight_beside_;
  --cells_[slot.cell()].in_flight[slot.replica];
  const LoadLevel& level = current_.level;
  if (!level.budget || slot.epoch != level.epoch || slot.cell() != level.cell) return;
  budget_last_end_ = std::max(budget_last_end_, at);
  if (slot.in_flight > 0) return;  // of its session's lanes the last one to end
  if (slot.issued != budget_share(*level.budget, slot.number(), level.concurrency)) return;
  if (--budget_slots_left_ == 0) finish_budget(budget_last_end_);
}

/// This thread's part of a budget is done; the last thread to say so tells the controller.
void LoadThread::finish_budget(MonoTime at) {
  BudgetProgress& progress = *current_.progress;
  const Nanos::rep end = (at - zero_).count();
  Nanos::rep latest = progress.finished_at;
  while (latest < end && !progress.finished_at.compare_exchange_weak(latest, end)) {
  }
  if (progress.threads_left.fetch_sub(1) == 1)
    on_budget_done_(current_.level.epoch, Nanos(progress.finished_at));
}

LoadThread::CellState& LoadThread::state(std::uint32_t cell) {
  CellState& state = cells_[cell];
  if (state.dialects.empty()) {
    const Target& target = setup_->target_of(setup_->cell(cell));
    state.dialects = *make_dialects(target, setup_->cell(cell).workload);  // prepare_run has tried it
    state.usage = setup_->cell(cell).usage;
    state.in_flight.resize(target.urls.size());
  }
  return state;
}

std::uint32_t LoadThread::pick_replica(Slot& slot, const Ticket& ticket, std::uint32_t turn) {
  if (turn > 0) return slot.replica;  // a conversation stays where its history is cached
  const std::vector<std::uint32_t>& in_flight = state(slot.cell()).in_flight;
  const auto replicas = static_cast<std::uint32_t>(in_flight.size());
  const auto in_turn = static_cast<std::uint32_t>((ticket.identity.slot + ticket.identity.k) % replicas);
  switch (setup_->target_of(setup_->cell(slot.cell())).routing) {
    case Routing::kPinned:
      return current_.level.arrivals ? in_turn : slot.number() % replicas;
    case Routing::kRoundRobin:
      return in_turn;
    case Routing::kLeastInFlight:
      break;
  }
  std::uint32_t least = in_turn;  // among equals in turn
  for (std::uint32_t i = 1; i < replicas; ++i) {
    const std::uint32_t other = (in_turn + i) % replicas;
    if (in_flight[other] < in_flight[least]) least = other;
  }
  return least;
}

const Route& LoadThread::first_route(const Slot& slot) const {
  const auto& replicas = setup_->routes[setup_->cell(slot.cell()).target];
  return replicas[slot.number() % replicas.size()];
}

}  // namespace kneepoint::agent
