#include "agent/load/slot.h"

#include <algorithm>

#include "agent/load/load_thread.h"
#include "agent/load/pacer.h"

namespace kneepoint::agent {
namespace {

/// How long before its first request a slot opens its connection: long enough for a handshake across a
/// continent, shorter than any host's patience with an idle connection.
constexpr Nanos kConnectAhead = std::chrono::seconds(1);
/// A user who thinks for longer holds no socket meanwhile, so that open conversations are bounded by memory
/// alone. Hosts do not keep one for longer either (uvicorn's default, which is vLLM's).
constexpr Nanos kHeldWhileThinking = std::chrono::seconds(5);

}  // namespace

Slot::Slot(LoadThread& thread, const ThreadContext& context, Kind kind, std::uint32_t cell,
           std::uint32_t number, MonoTime not_before)
    : thread_(thread),
      kind_(kind),
      cell_(cell),
      number_(number),
      owner_(this),
      not_before_(not_before),
      recorder_(context.recorder),
      sleeper_(context.poller.timers()),
      stream_(context) {}

Slot::Slot(LoadThread& thread, const ThreadContext& context, Slot& session, Fork fork)
    : thread_(thread),
      kind_(Kind::kLane),
      cell_(session.cell_),
      number_(session.number_),
      owner_(&session),
      fork_(std::make_unique<Fork>(std::move(fork))),
      not_before_(MonoTime::min()),
      recorder_(context.recorder),
      sleeper_(context.poller.timers()),
      stream_(context) {}

void Slot::start() {
  task_ = run();
  task_.start();
}

void Slot::reconsider() {
  sleeper_.interrupt(Wake::kCancelled);
}

void Slot::cancel() {
  cancelled_ = true;
  if (lanes) lanes->broken = true;
  sleeper_.interrupt(Wake::kCancelled);
  stream_.cancel();
}

/// @return whether the slot is still wanted.
Task<bool> Slot::sleep_until(MonoTime at) {
  while (!cancelled_ && thread_.keeps(*this) && !session_is_over()) {
    if (mono_now() >= at) co_return true;
    co_await sleeper_.until(std::min(at, thread_.end_of(*this)));
  }
  co_return false;
}

Task<void> Slot::run() {
  if (kind_ == Kind::kClosedLoop) {
    co_await keep_in_flight();
  } else if (kind_ == Kind::kLane) {
    co_await run_lane(std::move(*fork_));
  } else {
    co_await serve_arrivals();
  }
  thread_.slot_ended(*this);
}

Task<void> Slot::serve_arrivals() {
  if (kind_ == Kind::kSpareOfOpenLoop) co_await stream_.connect_ahead(thread_.first_route(*this));
  MonoTime free_since = MonoTime::min();
  while (!cancelled_ && thread_.keeps(*this)) {
    const auto arrival = thread_.next_arrival(*this);
    if (!arrival) {
      co_await sleeper_.until(MonoTime::max());
      parked = false;
      continue;
    }
    // What it waited for a slot is no send lag but a backlog.
    CompletionRequest request = thread_.compose(*this, arrival->ticket, std::max(arrival->at, free_since));
    request.arrival = arrival->at;
    if (request.source->has_lanes(request.pick)) {
      free_since = (co_await run_session(arrival->ticket, std::move(request))).at;
      continue;
    }
    const Ending ending = co_await stream_.perform(request);
    thread_.request_ended(*this, ending.at);
    free_since = ending.at;
    if (!conversation.over()) free_since = co_await go_on(arrival->ticket, std::move(request), ending);
  }
}

/// A session whose turns run beside each other, from its first request, `request`, on. @return how its last
/// request ended, or the first one that failed.
Task<Ending> Slot::run_session(Ticket ticket, CompletionRequest request) {
  if (!lanes) lanes = std::make_unique<SessionLanes>();
  lanes->broken = cancelled_;
  lanes->ticket = ticket;
  lanes->first = request.pick;
  lanes->key = request.series;
  lanes->open = lanes->counted = 1;
  lanes->outcome = Outcome::kSuccess;
  lanes->ended_at = request.intended;
  request.source->begin_lanes(request.pick, conversation, lanes->turns);
  const MonoTime begin = request.intended;
  while (const auto other = lanes->turns.next_beside(lanes->open))
    thread_.fork(*this, {.turn = *other, .before = request, .since = begin});
  Fork first{.turn = 0, .before = std::move(request), .since = begin};  // GCC 12 frees a temporary here twice
  co_await run_lane(std::move(first));
  while (lanes->open > 0) co_await sleeper_.until(MonoTime::max());  // the last lane wakes it
  if (!conversation.over()) conversation.abandon();
  lanes->broken = cancelled_;
  co_return Ending{.outcome = lanes->outcome, .at = lanes->ended_at};
}

/// Turns of a session one after the other, as long as there are any that may begin; others beside them get
/// lanes of their own.
Task<void> Slot::run_lane(Fork fork) {
  Slot& session = *owner_;
  SessionLanes& shared = *session.lanes;
  std::optional<std::uint32_t> turn = fork.turn;
  MonoTime ready = MonoTime::min();
  if (is_lane()) {
    co_await stream_.connect_ahead(*fork.before.route);
    thread_.lane_begins(session);
    ready = mono_now();
  }
  // What has been composed is sent, and ends at once where nothing is wanted any more.
  while (turn && (*turn == 0 || (!shared.broken && !cancelled_))) {
    CompletionRequest request = std::move(fork.before);
    if (*turn > 0) {
      const Nanos gap = request.source->gap_before(shared.ticket.identity, shared.first, *turn);
      const MonoTime due = fork.since + gap;
      const MonoTime from = std::max(fork.since, ready);  // a slow connection is no send lag
      std::optional<MonoTime> intended = std::max(due, from);
      if (due > from) intended = co_await think(request, from, due - from);
      if (!intended || shared.broken || cancelled_ || !thread_.may_go_on(*this)) break;
      const auto ticket = thread_.next_turn(session, *turn);
      if (!ticket) break;
      request = thread_.compose(session, *ticket, *intended, *turn);
      if (ticket->arrival) {
        request.arrival = due;
        recorder_.arrived(request.series, due);
      }
    }
    const Ending ending = co_await stream_.perform(request);
    thread_.request_ended(session, ending.at);
    shared.ended_at = std::max(shared.ended_at, ending.at);
    if (ending.outcome != Outcome::kSuccess) {
      if (shared.outcome == Outcome::kSuccess) shared.outcome = ending.outcome;
      break;
    }
    session.conversation.answered(request.pick);
    shared.turns.ended(*turn);
    turn = shared.turns.next();
    fork = {.turn = turn.value_or(0), .before = std::move(request), .since = ending.at};
    while (const auto other = shared.turns.next_beside(shared.open))
      thread_.fork(session, {.turn = *other, .before = fork.before, .since = ending.at});
  }
  if (is_lane()) stream_.give_back();
  thread_.lane_ended(*this, turn.has_value());
}

/// The later turns of an arrival's session. @return when its last one ended.
Task<MonoTime> Slot::go_on(Ticket ticket, CompletionRequest request, Ending ending) {
  while (ending.outcome == Outcome::kSuccess) {
    const Nanos thinking = thread_.turn_ended(*this, ticket, request, ending.at);
    if (conversation.over()) break;
    const MonoTime due = ending.at + thinking;
    MonoTime intended = due;
    if (thinking > Nanos(0)) {
      const auto next = co_await think(request, ending.at, thinking);
      if (!next) break;
      intended = *next;
    }
    if (cancelled_ || !thread_.may_go_on(*this)) break;
    ++ticket.identity.slot;
    request = thread_.compose(*this, ticket, intended);
    request.arrival = due;
    recorder_.arrived(request.series, due);
    ending = co_await stream_.perform(request);
    thread_.request_ended(*this, ending.at);
  }
  conversation.abandon();
  co_return ending.at;
}

/// @return when the next request is to be sent; nothing where the slot is wanted no longer.
Task<std::optional<MonoTime>> Slot::think(const CompletionRequest& request, MonoTime since, Nanos thinking) {
  MonoTime intended = since + thinking;
  recorder_.begin_thinking(request.series, since);
  bool wanted = true;
  if (thinking > kHeldWhileThinking) {
    stream_.disconnect();
    wanted = co_await sleep_until(intended - kConnectAhead);
    if (wanted) co_await stream_.connect_ahead(*request.route);
    intended = std::max(intended, mono_now());  // a slow connection is no send lag
  }
  wanted = wanted && co_await sleep_until(intended);
  recorder_.end_thinking(request.series, mono_now());
  co_return wanted ? std::optional(intended) : std::nullopt;
}

Task<void> Slot::keep_in_flight() {
  MonoTime intended = not_before_;
  if (co_await sleep_until(not_before_ - kConnectAhead)) {
    co_await stream_.connect_ahead(thread_.first_route(*this));
    intended = std::max(intended, mono_now());  // a slow connection is no send lag
  }
  std::uint32_t failures = 0;
  while (co_await sleep_until(not_before_)) {
    const auto ticket = thread_.next_request(*this);
    if (!ticket) break;
    CompletionRequest request = thread_.compose(*this, *ticket, std::max(intended, not_before_));
    const bool has_lanes = request.source->has_lanes(request.pick);
    SeriesKey key = request.series;
    Ending ending;
    if (has_lanes) {
      ending = co_await run_session(*ticket, std::move(request));
      key = lanes->key;
    } else {
      ending = co_await stream_.perform(request);
      thread_.request_ended(*this, ending.at);
    }
    intended = ending.at;
    if (ending.outcome == Outcome::kCancelled) break;
    if (ending.outcome == Outcome::kSuccess) {
      failures = 0;
      if (has_lanes) continue;
      const Nanos thinking = thread_.turn_ended(*this, *ticket, request, ending.at);
      if (thinking <= Nanos(0)) continue;
      const auto next = co_await think(request, ending.at, thinking);
      if (!next) break;
      intended = *next;
      continue;
    }
    conversation.abandon();
    const MonoTime failed = mono_now();
    intended = failed + backoff(++failures, random_bits(ticket->identity, kBackoffDraw));
    recorder_.begin_backoff(key, failed);
    const bool wanted = co_await sleep_until(intended);
    recorder_.end_backoff(key, mono_now());
    if (!wanted) break;
  }
}

}  // namespace kneepoint::agent
