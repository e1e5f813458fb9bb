#include "agent/session/agent_session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "common/secrets.h"
#include "common/version.h"
#include "common/whole_seconds.h"
#include "common/wire.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

constexpr Nanos kFirstBackOff = 50ms;
constexpr Nanos kLongestBackOff = 1s;
/// How often a draining engine is asked whether it is idle.
constexpr Nanos kIdlePoll = 20ms;
/// How long a last message may take to reach the coordinator.
constexpr Nanos kFlushLimit = 2s;

MonoTime now() {
  return SystemClock().now();
}

std::string random_id() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

}  // namespace

AgentSession::AgentSession(Options options, EngineFactory make_engine)
    : options_(std::move(options)),
      make_engine_(std::move(make_engine)),
      boot_id_(random_id()),
      outbox_(options_.outbox) {}

AgentSession::~AgentSession() = default;

void AgentSession::request_stop(std::string reason) {
  inbox_.push(StopRequest{std::move(reason)});
}

SessionEnd AgentSession::run() {
  dial_at_ = now();
  give_up_at_ = dial_at_ + options_.join_timeout;
  back_off_ = kFirstBackOff;
  on_time(now());
  while (!(end_ && (!link_ || now() >= flush_until_))) {
    if (auto event = inbox_.pop_until(next_deadline())) {
      if (const auto* link = std::get_if<LinkEvent>(&*event)) {
        on_link(*link);
      } else if (const auto* done = std::get_if<LevelDone>(&*event)) {
        v1::AgentMessage message;
        message.mutable_level_done()->set_epoch(done->epoch);
        message.mutable_level_done()->set_finished_at_nanos(done->finished_at.count());
        if (welcomed_) link_->send(std::move(message));
      } else {
        on_stop(std::get<StopRequest>(*event).reason);
      }
    }
    on_time(now());
  }
  // The engine first: it calls back into the inbox until it is gone.
  engine_.reset();
  link_.reset();
  return *end_;
}

void AgentSession::dial() {
  welcomed_ = false;
  link_ = std::make_unique<CoordinatorLink>(
      options_.coordinator, ++link_id_, [this](LinkEvent event) { inbox_.push(std::move(event)); },
      options_.credentials.get());
  v1::AgentMessage message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_name(options_.name);
  hello.set_boot_id(boot_id_);
  hello.set_version(options_.build);
  hello.set_threads(options_.threads);
  hello.set_pid(static_cast<std::uint64_t>(getpid()));
  hello.set_cpus(std::thread::hardware_concurrency());
  link_->send(std::move(message));
}

void AgentSession::on_link(const LinkEvent& event) {
  if (event.link != link_id_ || !link_) return;
  if (const auto* closed = std::get_if<LinkClosed>(&event.what)) {
    on_closed(closed->reason);
  } else {
    on_message(*std::get<0>(event.what), event.at);
  }
}

void AgentSession::on_closed(const std::string& reason) {
  link_.reset();
  if (end_) return;
  if (stopping_) {
    end_ = SessionEnd{ExitCode::kInterrupted, *stopping_};
    return;
  }
  last_problem_ = reason;
  incoming_.reset();
  if (welcomed_) {
    welcomed_ = false;
    give_up_at_ = now() + options_.join_timeout;
    back_off_ = kFirstBackOff;
    spdlog::warn("the coordinator is lost ({}); {}trying again for {:g} s", reason,
                 phase_ == Phase::kLoading ? "the load is stopped; " : "", to_seconds(options_.join_timeout));
  }
  stop_load(Nanos(0));
  dial_at_ = now() + back_off_;
  back_off_ = std::min(back_off_ * 2, kLongestBackOff);
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
  stop_load(options_.stop_limit);
}

void AgentSession::on_message(const v1::CoordinatorMessage& message, MonoTime at) {
  heard_at_ = at;
  if (end_) return;
  switch (message.message_case()) {
    case v1::CoordinatorMessage::kWelcome: {
      welcomed_ = true;
      spdlog::info("joined the coordinator at {} as {}", options_.coordinator.str(), options_.name);
      outbox_.link_lost();
      drained_told_ = false;
      outbox_.acknowledged(message.welcome().acked());
      send_batches();
      break;
    }
    case v1::CoordinatorMessage::kRejected:
      end_after_flush({ExitCode::kFleet, "turned away by the coordinator: " + message.rejected().reason()});
      break;
    case v1::CoordinatorMessage::kClockProbe: {
      v1::AgentMessage answer;
      v1::ClockReply& reply = *answer.mutable_clock_reply();
      reply.set_id(message.clock_probe().id());
      reply.set_probe_sent_at_nanos(message.clock_probe().sent_at_nanos());
      reply.set_received_at_nanos(at.time_since_epoch().count());
      reply.set_sent_at_nanos(now().time_since_epoch().count());
      link_->send(std::move(answer));
      break;
    }
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
    case v1::CoordinatorMessage::kLevel: {
      const auto level = from_wire(message.level());
      if (!level) {
        refuse("invalid level: " + level.error().message);
      } else if (level->cell >= cells_) {
        refuse(fmt::format("invalid level: cell {} of {}", level->cell, cells_));
      } else if (phase_ == Phase::kReady || phase_ == Phase::kLoading) {
        if (auto allowed = options_.permissions.check(*level); !allowed)
          return refuse(allowed.error().message);
        phase_ = Phase::kLoading;
        engine_->apply(*level);
      } else {
        spdlog::warn("level {} came after the load had been stopped: ignored", level->epoch);
      }
      break;
    }
    case v1::CoordinatorMessage::kAck:
      outbox_.acknowledged(message.ack().sequence());
      send_batches();
      break;
    case v1::CoordinatorMessage::kDrain:
      stop_load(Nanos(std::max<std::int64_t>(0, message.drain().limit_nanos())));
      break;
    case v1::CoordinatorMessage::kFinish:
      if (message.finish().complete()) {
        end_after_flush({ExitCode::kDone, ""});
      } else {
        // Its own words say why, where the user looks.
        spdlog::info("the coordinator ended the run: {}", message.finish().reason());
        end_after_flush({ExitCode::kFleet, ""});
      }
      break;
    case v1::CoordinatorMessage::MESSAGE_NOT_SET:
      break;  // From no version that would have welcomed this one.
  }
}

void AgentSession::accept(const v1::CoordinatorMessage& message) {
  if (engine_ || incoming_) return refuse("a second assignment");
  auto assignment = from_wire(message.assignment());
  if (!assignment) return refuse("invalid assignment: " + assignment.error().message);
  std::vector<std::string> secrets;
  for (const Target& target : assignment->targets) {
    if (auto allowed = options_.permissions.check(target); !allowed) return refuse(allowed.error().message);
    auto secret = resolve_secret(target.auth);
    if (!secret) return refuse(fmt::format("target {}: {}", target.name, secret.error().message));
    secrets.push_back(*std::move(secret));
  }
  DatasetFetch fetch(*assignment);
  incoming_ = Incoming{*std::move(assignment), std::move(secrets), std::move(fetch)};
  fetch_or_start();
}

void AgentSession::fetch_or_start() {
  if (!incoming_->fetch.complete()) {
    const DatasetFetch::Piece piece = incoming_->fetch.next();
    v1::AgentMessage request;
    request.mutable_dataset_request()->set_hash(piece.hash);
    request.mutable_dataset_request()->set_offset(piece.offset);
    link_->send(std::move(request));
    return;
  }
  Incoming ready_to_run = *std::move(incoming_);
  incoming_.reset();
  Assignment& assignment = ready_to_run.assignment;
  assignment.datasets = std::move(ready_to_run.fetch).datasets();
  const std::string run_id = assignment.run_id;
  zero_ = assignment.zero;
  cells_ = assignment.cells.size();
  try {
    engine_ = make_engine_(std::move(assignment), std::move(ready_to_run.secrets),
                           [this](LevelDone done) { inbox_.push(done); });
  } catch (const std::exception& problem) {
    return refuse(problem.what());
  }
  phase_ = Phase::kReady;
  collect_at_ = next_collection(now());
  spdlog::info("ready for run {}", run_id);
  v1::AgentMessage ready;
  ready.mutable_ready()->set_run_id(run_id);
  link_->send(std::move(ready));
}

void AgentSession::refuse(const std::string& reason) {
  v1::AgentMessage message;
  message.mutable_refused()->set_reason(reason);
  link_->send(std::move(message));
  end_after_flush({ExitCode::kUsage, reason});
}

void AgentSession::stop_load(Nanos limit) {
  if (phase_ == Phase::kJoining || phase_ == Phase::kDrained) return;
  engine_->drain(limit);
  phase_ = Phase::kDraining;
}

void AgentSession::collect() {
  SnapshotBatch batch = engine_->collect();
  // Before the zero nothing is measured.
  std::erase_if(batch.seconds, [](const SecondSnapshot& second) { return second.second < 0; });
  batch.complete_through = std::max<std::int64_t>(batch.complete_through, -1);
  batch.sequence = ++sequence_;
  auto message = std::make_unique<v1::SnapshotBatch>();
  to_wire(batch, *message);
  if (outbox_.add(std::move(message)) > 0 && !std::exchange(records_shed_, true)) {
    spdlog::warn(
        "the coordinator does not keep up: the oldest lines of requests are left out of its records");
  }
  const bool last =
      phase_ == Phase::kDraining && idle_at_ && batch.complete_through >= second_of(*idle_at_ - zero_);
  if (last) {
    phase_ = Phase::kDrained;
    drained_through_ = sequence_;
  }
  send_batches();
}

void AgentSession::send_batches() {
  if (!welcomed_) return;
  while (const v1::SnapshotBatch* batch = outbox_.next()) {
    v1::AgentMessage envelope;
    *envelope.mutable_batch() = *batch;
    link_->send(std::move(envelope));
  }
  if (phase_ != Phase::kDrained || drained_told_ || !outbox_.sent(drained_through_)) return;
  drained_told_ = true;
  v1::AgentMessage message;
  message.mutable_drained()->set_last_sequence(drained_through_);
  link_->send(std::move(message));
  if (stopping_) end_after_flush({ExitCode::kInterrupted, *stopping_});
}

void AgentSession::end_after_flush(SessionEnd end) {
  if (engine_) engine_->drain(Nanos(0));
  end_ = std::move(end);
  flush_until_ = now() + kFlushLimit;
  link_->finish();
}

void AgentSession::on_time(MonoTime now) {
  if (end_) return;
  if (!welcomed_ && now >= give_up_at_) {
    end_ = SessionEnd{
        ExitCode::kFleet,
        fmt::format("no coordinator at {} within {:g} s: {}", options_.coordinator.str(),
                    to_seconds(options_.join_timeout), last_problem_.empty() ? "no answer" : last_problem_)};
    flush_until_ = now;
    return;
  }
  if (!link_ && now >= dial_at_) dial();
  if (awaits_signs() && now >= heard_at_ + options_.silence_limit) {
    on_closed(fmt::format("nothing heard for {:g} s", to_seconds(options_.silence_limit)));
  }
  if (phase_ == Phase::kJoining) return;
  if (phase_ == Phase::kDraining && !idle_at_ && engine_->idle()) idle_at_ = now;
  if (now >= collect_at_) {
    collect();
    collect_at_ = next_collection(now);
  }
}

bool AgentSession::awaits_signs() const {
  // Before the first level nothing runs that would have to be stopped, and the coordinator may wait for
  // others.
  return welcomed_ && phase_ != Phase::kJoining && phase_ != Phase::kReady;
}

MonoTime AgentSession::next_deadline() const {
  if (end_) return flush_until_;
  MonoTime next = MonoTime::max();
  if (!welcomed_) next = std::min(next, give_up_at_);
  if (!link_) next = std::min(next, dial_at_);
  if (phase_ == Phase::kJoining) return next;
  if (awaits_signs()) next = std::min(next, heard_at_ + options_.silence_limit);
  if (phase_ == Phase::kDraining && !idle_at_) next = std::min(next, now() + kIdlePoll);
  return std::min(next, collect_at_);
}

MonoTime AgentSession::next_collection(MonoTime now) const {
  const MonoTime first = zero_ + options_.collect_period + options_.collect_delay;
  if (now < first) return first;
  return first + ((now - first) / options_.collect_period + 1) * options_.collect_period;
}

}  // namespace kneepoint::agent
