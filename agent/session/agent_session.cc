#include "agent/session/agent_session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <thread>
#include <utility>

#include "agent/session/agent_metrics.h"
#include "common/printable.h"
#include "common/wire_check.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

/// Agents that lost one coordinator together do not come back together: each waits up to twice this, then
/// more and more.
constexpr Nanos kFirstBackOff = 25ms;
constexpr Nanos kLongestBackOff = 1s;
/// How often a draining engine is asked whether it is idle.
constexpr Nanos kIdlePoll = 20ms;
/// How long the answer to a heartbeat may wait for a batch. Two clocks may run apart meanwhile, which
/// measures them the worse the longer it is.
constexpr Nanos kRide = 200ms;
/// How long running requests may go on after a first request_stop().
constexpr Nanos kStopLimit = 5s;
/// How long a last message may take to reach the coordinator.
constexpr Nanos kFlushLimit = 2s;

/// @param probe a ClockProbe or a Heartbeat.
template <class Probe>
v1::ClockReply clock_reply(const Probe& probe, MonoTime received) {
  v1::ClockReply reply;
  reply.set_id(probe.id());
  reply.set_probe_sent_at_nanos(probe.sent_at_nanos());
  reply.set_received_at_nanos(received.time_since_epoch().count());
  return reply;
}

/// Where the coordinator sees the run's zero by now; absent where it says nothing that can be worked with.
std::optional<MonoTime> zero_of(const v1::Heartbeat& beat) {
  const MonoTime zero{Nanos(beat.zero_nanos())};
  const bool usable = MonoTime(-wire::kMaxInstant) <= zero && zero <= MonoTime(wire::kMaxInstant);
  return beat.has_zero_nanos() && usable ? std::optional(zero) : std::nullopt;
}

/// Whoever coordinates may say 64 MiB: one short line of it goes to the log.
std::string in_short(const std::string& reason) {
  constexpr std::size_t kLongest = 1000;
  return printable_start(reason, kLongest);
}

void extend(Lease& lease, const LinkEvent& event) {
  const auto* message = std::get_if<std::shared_ptr<const v1::CoordinatorMessage>>(&event.what);
  if (message == nullptr || !(*message)->has_heartbeat()) return;
  if (const auto zero = zero_of((*message)->heartbeat())) lease.move_zero(*zero);
  const Nanos sent((*message)->heartbeat().since_zero_nanos());
  lease.heartbeat(std::clamp(sent, -wire::kMaxDuration, wire::kMaxDuration), event.at);
}

}  // namespace

AgentSession::AgentSession(Options options, EngineFactory make_engine)
    : options_(std::move(options)),
      make_engine_(std::move(make_engine)),
      random_(options_.seed),
      boot_id_(fmt::format("{:016x}", random_())),
      inbox_(*options_.clock),
      lease_(options_.lease ? options_.lease : std::make_shared<Lease>()),
      outbox_(options_.outbox) {}

AgentSession::~AgentSession() = default;

std::uint64_t AgentSession::random_seed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

void AgentSession::request_stop(std::string reason) {
  inbox_.push(StopRequest{std::move(reason)});
}

SessionEnd AgentSession::run() {
  begin();
  while (!ended()) turn(next_deadline());
  // The engine first: it calls back into the inbox until it is gone.
  engine_.reset();
  link_.reset();
  return *end_;
}

bool AgentSession::ended() const {
  return end_ && (!link_ || now() >= flush_until_);
}

void AgentSession::begin() {
  dial_at_ = now();
  give_up_at_ = dial_at_ + options_.join_timeout;
  back_off_ = kFirstBackOff;
  on_time(now());
}

bool AgentSession::turn(MonoTime deadline) {
  const auto event = inbox_.pop_until(deadline);
  if (event) {
    if (const auto* link = std::get_if<LinkEvent>(&*event)) {
      on_link(*link);
    } else if (const auto* done = std::get_if<EngineDone>(&*event)) {
      on_done(*done);
    } else {
      on_stop(std::get<StopRequest>(*event).reason);
    }
  }
  on_time(now());
  if (options_.metrics != nullptr) show_standing();
  return event.has_value();
}

void AgentSession::dial() {
  welcomed_ = false;
  const auto sink = [this](LinkEvent event) {
    // Here, on the thread that reads: the session's may be busy.
    extend(*lease_, event);
    inbox_.push(std::move(event));
  };
  ++link_id_;
  link_ = options_.dial
              ? options_.dial(link_id_, sink)
              : CoordinatorLink::dial(options_.coordinator, link_id_, sink, options_.credentials.get());
  v1::AgentMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_name(options_.name);
  hello.set_boot_id(boot_id_);
  hello.set_version(options_.build);
  hello.set_threads(options_.threads);
  hello.set_pid(static_cast<std::uint64_t>(getpid()));
  hello.set_cpus(std::thread::hardware_concurrency());
  const AgentCaps& caps = options_.permissions.caps;
  hello.set_max_streams(caps.max_streams);
  if (std::isfinite(caps.max_rate)) hello.set_max_rate(caps.max_rate);
  if (engine_) {
    hello.set_run_id(run_id_);
    hello.set_load_ended(phase_ == Phase::kDraining || phase_ == Phase::kDrained);
  }
  link_->send(std::move(message));
}

void AgentSession::on_link(const LinkEvent& event) {
  if (event.link != link_id_ || !link_) return;
  if (const auto* closed = std::get_if<LinkClosed>(&event.what)) {
    on_closed(closed->reason);
  } else {
    on_message(*std::get<0>(event.what), event.at);
    if (link_) link_->processed();
  }
}

void AgentSession::on_closed(const std::string& reason) {
  link_.reset();
  beat_reply_.reset();
  if (end_) return;
  if (stopping_) {
    end_ = SessionEnd{ExitCode::kInterrupted, *stopping_};
    return;
  }
  last_problem_ = reason;
  incoming_.reset();
  const bool was_welcome = std::exchange(welcomed_, false);
  if (was_welcome) {
    broken_at_ = now();
    give_up_at_ = broken_at_ + options_.join_timeout;
    back_off_ = kFirstBackOff;
  }
  dial_at_ = now() + Nanos(std::uniform_int_distribution<Nanos::rep>(0, 2 * back_off_.count())(random_));
  back_off_ = std::min(back_off_ * 2, kLongestBackOff);
  if (was_welcome) {
    spdlog::warn("the connection to the coordinator broke ({}); trying again for {:g} s", reason,
                 to_seconds(options_.join_timeout));
  }
}

void AgentSession::on_stop(const std::string& reason) {
  if (stopping_ || phase_ == Phase::kJoining || !welcomed_) {
    end_ = SessionEnd{ExitCode::kInterrupted, reason};
    flush_until_ = now();
    return;
  }
  stopping_ = reason;
  spdlog::info("{}: letting running requests finish", reason);
  v1::AgentMessage message;
  message.mutable_leaving()->set_reason(reason);
  link_->send(std::move(message));
  if (drained_told_) return end_after_flush({ExitCode::kInterrupted, reason});
  stop_load(kStopLimit);
}

void AgentSession::on_message(const v1::CoordinatorMessage& message, MonoTime at) {
  if (end_) return;
  if (message.has_ack()) {
    outbox_.taken(message.ack().taken());
    outbox_.acknowledged(message.ack().sequence());
    send_batches();
    if (end_) return;
  }
  switch (message.message_case()) {
    case v1::CoordinatorMessage::kWelcome:
      on_welcome(message.welcome());
      break;
    case v1::CoordinatorMessage::kRejected:
      end_after_flush(
          {ExitCode::kFleet, "turned away by the coordinator: " + in_short(message.rejected().reason())});
      break;
    case v1::CoordinatorMessage::kClockProbe: {
      v1::AgentMessage answer;
      *answer.mutable_clock_reply() = clock_reply(message.clock_probe(), at);
      answer.mutable_clock_reply()->set_sent_at_nanos(now().time_since_epoch().count());
      link_->send(std::move(answer));
      break;
    }
    case v1::CoordinatorMessage::kHeartbeat:
      on_heartbeat(message.heartbeat(), at);
      break;
    case v1::CoordinatorMessage::kAssignment:
      accept(message);
      break;
    case v1::CoordinatorMessage::kDatasetChunk: {
      if (!incoming_) break;
      const v1::DatasetChunk& chunk = message.dataset_chunk();
      const auto taken = incoming_->fetch.take(chunk.hash(), chunk.offset(), chunk.data());
      if (!taken) return refuse(taken.error().message);
      fetch_or_start();
      break;
    }
    case v1::CoordinatorMessage::kLevel:
      on_level(message.level());
      break;
    case v1::CoordinatorMessage::kDrain:
      // Whatever is asked, the lease bounds it; here it only has to be a number that can be added.
      stop_load(std::clamp(Nanos(message.drain().limit_nanos()), Nanos(0), wire::kMaxDuration));
      break;
    case v1::CoordinatorMessage::kFinish:
      if (message.finish().complete()) {
        end_after_flush({ExitCode::kDone, ""});
      } else {
        // Its own words say why, where the user looks.
        spdlog::info("the coordinator ended the run: {}", in_short(message.finish().reason()));
        end_after_flush({message.finish().final() ? ExitCode::kOver : ExitCode::kFleet, ""});
      }
      break;
    case v1::CoordinatorMessage::MESSAGE_NOT_SET:
      break;  // An Ack alone.
  }
}

void AgentSession::on_heartbeat(const v1::Heartbeat& beat, MonoTime at) {
  // The last answer may wait still, with the batch that it was to ride with: whoever says nothing is lost.
  const bool alone = beat_reply_ || !collects() || collect_at_ - now() > kRide;
  beat_reply_ = std::make_unique<v1::ClockReply>(clock_reply(beat, at));
  if (alone) send_beat_reply();
  note_clock(beat);
  const auto zero = zero_of(beat);
  if (engine_ && zero && clock_.follow(*zero, at)) engine_->set_zero(clock_.zero());
}

void AgentSession::note_clock(const v1::Heartbeat& beat) {
  const Nanos sent = std::clamp(Nanos(beat.sent_at_nanos()), -wire::kMaxInstant, wire::kMaxInstant);
  const Nanos since = std::clamp(Nanos(beat.since_zero_nanos()), -wire::kMaxDuration, wire::kMaxDuration);
  coordinators_zero_ = MonoTime(sent - since);
  clock_uncertainty_ = Nanos(static_cast<Nanos::rep>(
      std::min<std::uint64_t>(beat.clock_uncertainty_nanos(), wire::kMaxDuration.count())));
}

void AgentSession::send_beat_reply() {
  v1::AgentMessage message;
  add_beat_reply(message);
  link_->send(std::move(message));
}

void AgentSession::add_beat_reply(v1::AgentMessage& message) {
  if (!beat_reply_) return;
  beat_reply_->set_sent_at_nanos(now().time_since_epoch().count());
  message.set_allocated_heartbeat_reply(beat_reply_.release());
}

void AgentSession::end_after_flush(SessionEnd end) {
  if (engine_) engine_->drain(Nanos(0));
  end_ = std::move(end);
  flush_until_ = now() + kFlushLimit;
  link_->finish();
}

void AgentSession::on_time(MonoTime now) {
  if (end_) return;
  if (phase_ == Phase::kLoading && (!lease_->allows(now) || now >= load_limit())) {
    stop_load(Nanos(0));  // first; then there is time for words
    // Also where no welcome has come yet: the hello that waits for it said that there was load.
    if (link_) on_closed(fmt::format("no heartbeat for {:g} s", to_seconds(lease_->length())));
    spdlog::warn("the coordinator is lost: the load is stopped");
  }
  if (!welcomed_ && now >= give_up_at_) {
    end_ = SessionEnd{
        found_ ? ExitCode::kFleet : ExitCode::kNoCoordinator,
        fmt::format("no coordinator at {} within {:g} s: {}", options_.coordinator.str(),
                    to_seconds(options_.join_timeout), last_problem_.empty() ? "no answer" : last_problem_)};
    flush_until_ = now;
    return;
  }
  if (!link_ && now >= dial_at_) dial();
  if (phase_ == Phase::kDraining && !idle_at_ && engine_->idle()) idle_at_ = now;
  if (collects() && now >= collect_at_) {
    collect();
    collect_at_ = next_collection(now);
  }
}

bool AgentSession::collects() const {
  // Once drained nothing more is measured, and what waits to be handed over is not pushed out by nothing.
  return phase_ != Phase::kJoining && phase_ != Phase::kDrained;
}

MonoTime AgentSession::load_limit() const {
  return welcomed_ ? lease_->until() : std::min(lease_->until(), broken_at_ + options_.redial_limit);
}

MonoTime AgentSession::next_deadline() const {
  if (end_) return flush_until_;
  MonoTime next = MonoTime::max();
  if (!welcomed_) next = std::min(next, give_up_at_);
  if (!link_) next = std::min(next, dial_at_);
  if (!collects()) return next;
  if (phase_ == Phase::kLoading) next = std::min(next, load_limit());
  if (phase_ == Phase::kDraining && !idle_at_) next = std::min(next, now() + kIdlePoll);
  return std::min(next, collect_at_);
}

MonoTime AgentSession::next_collection(MonoTime now) const {
  const MonoTime first = clock_.zero() + options_.collect_period + options_.collect_delay;
  if (now < first) return first;
  return first + ((now - first) / options_.collect_period + 1) * options_.collect_period;
}

std::string_view AgentSession::state() const {
  if (!welcomed_) return phase_ == Phase::kJoining ? "joining" : "lost";
  switch (phase_) {
    case Phase::kJoining:
      return "joined";
    case Phase::kReady:
      return "ready";
    case Phase::kLoading:
      return "loading";
    case Phase::kDraining:
      return "draining";
    case Phase::kDrained:
      return "drained";
  }
  return "";
}

void AgentSession::show_standing() const {
  const bool clock_known = engine_ && coordinators_zero_ != MonoTime{};
  options_.metrics->set({.state = state(),
                         .run_id = engine_ ? run_id_ : "",
                         .outbox_batches = outbox_.batches(),
                         .outbox_bytes = outbox_.bytes(),
                         .clock_offset = clock_known ? clock_.zero() - coordinators_zero_ : Nanos(0),
                         .clock_uncertainty = clock_uncertainty_});
}

}  // namespace kneepoint::agent
