// What comes from the agents' links, and what it does to the fleet.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/dataset.h"
#include "common/plural.h"
#include "common/printable.h"
#include "common/whole_seconds.h"
#include "coordinator/fleet/fleet.h"
#include "coordinator/fleet/member.h"

namespace kneepoint::coordinator {
namespace {

/// The drift of a clock is told by the last so many heartbeats.
constexpr std::size_t kBeatsKept = 16;
/// An agent may say that something ended so far ahead of this clock.
constexpr Nanos kClockPatience = lease::kMargin;
/// And that it has measured so far ahead: what lies far ahead is no measurement, but the run's next
/// coordinator would begin behind it. Longer, because an honest agent's seconds come ahead where this machine
/// was suspended for less than a lease.
constexpr Nanos kSecondsAhead = lease::kPromise;

/// What an agent says of itself goes to terminals and reports: one short, printable line.
std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 500;
  return printable_start(text, kLongest);
}

ClockSample sample_of(const v1::ClockReply& reply, MonoTime at) {
  return {.probe_sent = MonoTime(Nanos(reply.probe_sent_at_nanos())),
          .probe_received = MonoTime(Nanos(reply.received_at_nanos())),
          .reply_sent = MonoTime(Nanos(reply.sent_at_nanos())),
          .reply_received = at};
}

void turn_away(AgentLink& link, const std::string& name, const std::string& reason) {
  spdlog::warn("agent {} at {} turned away: {}", name, link.peer(), reason);
  v1::CoordinatorMessage message;
  message.mutable_rejected()->set_reason(reason);
  link.send(std::move(message));
  link.close();
}

}  // namespace

bool Fleet::pump(MonoTime deadline) {
  attend();
  auto next = inbox_.pop_until(deadline);
  attend();
  if (!next) return false;
  if (const auto* recorded = std::get_if<Recorded>(&*next)) {
    Member& member = *members_.at(recorded->agent);
    member.recorded = std::max(member.recorded, recorded->sequence);
    acknowledge(member);
    return true;
  }
  auto& event = std::get<LinkEvent>(*next);
  if (const auto* closed = std::get_if<LinkClosed>(&event.what)) {
    on_closed(event.link, *closed);
  } else if (auto* batch = std::get_if<LinkEvent::RunBatch>(&event.what)) {
    if (Member* member = member_of(*event.link)) {
      if (batch->heartbeat_reply) on_heartbeat_reply(*member, *batch->heartbeat_reply, event.at);
      on_batch(*member, std::move(*batch));
    }
    event.link->processed();
  } else {
    on_message(event.link, *std::get<0>(event.what), event.at);
    event.link->processed();
  }
  return true;
}

void Fleet::on_message(const std::shared_ptr<AgentLink>& link, const v1::AgentMessage& message, MonoTime at) {
  if (message.has_hello()) return on_hello(link, message.hello());
  Member* member = member_of(*link);
  if (member == nullptr) return;  // turned away, or replaced by a newer link
  if (message.has_heartbeat_reply()) on_heartbeat_reply(*member, message.heartbeat_reply(), at);
  switch (message.message_case()) {
    case v1::AgentMessage::kClockReply:
      on_clock_reply(*member, message.clock_reply(), at);
      break;
    case v1::AgentMessage::kDatasetRequest:
      serve_dataset(*link, message.dataset_request());
      break;
    case v1::AgentMessage::kReady:
      if (is_of_run(message.ready().run_id())) on_ready(*member);
      break;
    case v1::AgentMessage::kRefused:
      lose(*member, "it refused: " + one_line(message.refused().reason()), Loss::kBarred);
      break;
    case v1::AgentMessage::kLevelDone:
      on_level_done(*member, message);
      break;
    case v1::AgentMessage::kDrained:
      if (is_of_run(message.run_id())) member->drained_after = message.drained().last_sequence();
      break;
    case v1::AgentMessage::kLeaving:
      lose(*member, "it is leaving: " + one_line(message.leaving().reason()), Loss::kBarred);
      break;
    default:
      break;  // hellos and batches do not come here; what is unknown is of no version that was welcomed
  }
}

void Fleet::on_clock_reply(Member& member, const v1::ClockReply& reply, MonoTime at) {
  const ClockSample sample = sample_of(reply, at);
  auto& samples = member.samples;
  if (!member.probing || reply.id() != samples.size() || sample.probe_sent != member.probed_at) return;
  samples.push_back(sample);
  if (samples.size() < kProbes) return member.probe(clock_.now());
  if (member.number) return;  // the whole fleet goes on together
  member.probing = false;
  if (!member.settle_clock()) return lose(member, "its clock runs backwards");
  send_assignment(member);
}

void Fleet::on_heartbeat_reply(Member& member, const v1::ClockReply& reply, MonoTime at) {
  auto& samples = member.samples;
  if (phase_ != Phase::kRunning || !member.number) return;
  samples.push_back(sample_of(reply, at));
  if (samples.size() > kBeatsKept) samples.erase(samples.begin());
  if (const auto clock = estimate_offset(samples)) {
    member.info.clock_drift = clock_movement(member.info.clock_drift, member.info.clock, *clock);
  }
}

void Fleet::on_level_done(Member& member, const v1::AgentMessage& message) {
  const v1::LevelDone& done = message.level_done();
  // One that makes itself ready has no part of any level yet, and no number.
  if (!member.number || !is_of_run(message.run_id())) return;
  if (done.epoch() != epoch_ || done.epoch() <= member.done_epoch) return;
  const Nanos finished_at(done.finished_at_nanos());
  if (finished_at > now() + kClockPatience) {
    lose(member,
         fmt::format("an invalid message: level {} has ended {:g} s from now", done.epoch(),
                     to_seconds(finished_at - now())),
         Loss::kBarred);
    return;
  }
  member.done_epoch = done.epoch();
  events_.push_back(
      LevelFinished{.agent = *member.number, .epoch = done.epoch(), .finished_at = finished_at});
}

/// An empty piece says that there are no such bytes.
void Fleet::serve_dataset(AgentLink& link, const v1::DatasetRequest& request) {
  served_at_ = clock_.now();
  v1::CoordinatorMessage message;
  v1::DatasetChunk& chunk = *message.mutable_dataset_chunk();
  chunk.set_hash(request.hash());
  chunk.set_offset(request.offset());
  const auto found = datasets_.find(request.hash());
  if (found != datasets_.end() && request.offset() < found->second.size())
    chunk.set_data(found->second.substr(request.offset(), kDatasetChunkBytes));
  link.send(std::move(message));
}

void Fleet::on_hello(const std::shared_ptr<AgentLink>& link, const v1::Hello& hello) {
  const std::string name = one_line(hello.name());
  if (hello.version() != options_.build) {
    return turn_away(
        *link, name,
        fmt::format("it is version {}, the coordinator {}", one_line(hello.version()), options_.build));
  }
  if (hello.threads() == 0 || hello.threads() > kMostThreads) {
    return turn_away(
        *link, name,
        fmt::format("it says that it has {} threads, not 1 to {}", hello.threads(), kMostThreads));
  }
  if (!link->may_be(hello.name())) {
    return turn_away(*link, name,
                     "its certificate does not name it: --name must be a DNS name (SAN) of --tls-cert");
  }
  if (phase_ == Phase::kFinished) return tell_end(*link, name);
  AgentInfo info{.name = name,
                 .boot_id = hello.boot_id(),
                 .threads = hello.threads(),
                 .cpus = hello.cpus(),
                 .pid = hello.pid(),
                 .peer = link->peer(),
                 .caps = {.max_streams = hello.max_streams(), .max_rate = hello.max_rate()}};
  std::erase_if(joining_, [&](const auto& member) {
    const bool same = member->info.name == name && member->info.boot_id == info.boot_id;
    if (same) member->link->abort();
    return same;
  });
  Member* const known = latest(name);
  if (known != nullptr && known->info.boot_id == info.boot_id) return on_return(*known, link, hello);
  const bool taken = std::any_of(joining_.begin(), joining_.end(),
                                 [&](const auto& member) { return member->info.name == name; });
  const bool there = known != nullptr && !known->info.membership.lost();
  // A process of its name that has no link is not there any more, as far as this one's parent can tell.
  if (taken || (there && (known->link || phase_ != Phase::kRunning)))
    return turn_away(*link, name, "another agent has its name");
  if (there) lose(*known, "another process has come under its name");
  admit(link, std::move(info));
}

void Fleet::on_return(Member& member, const std::shared_ptr<AgentLink>& link, const v1::Hello& hello) {
  // Its old link is dead, whether that has shown here yet or not.
  if (member.link) member.link->abort();
  const MemberState was = member.info.membership.state();
  const bool resume = !run_id_.empty() && hello.run_id() == run_id_ && was != MemberState::kGone;
  const bool was_ready = was != MemberState::kJoining;
  if (was_ready && !resume) lose(member, "it has forgotten the run");
  if (resume && !was_ready) on_ready(member);  // its word was lost with the link
  if (resume && hello.load_ended() && !drain_limit_) lose(member, "it had stopped its load", Loss::kEnded);
  member.info.membership.link_restored();
  if (resume || !member.info.membership.lost()) return attach(member, link, resume);
  member.link.reset();
  member.info.membership.gone();
  if (member.barred) return turn_away(*link, member.info.name, member.problem);
  admit(link, member.info);
}

void Fleet::admit(const std::shared_ptr<AgentLink>& link, AgentInfo info) {
  const bool running = phase_ == Phase::kRunning;
  if (drain_limit_) return turn_away(*link, info.name, "the run ends");
  if (phase_ != Phase::kAssembling && places_taken() >= expected_)
    return turn_away(*link, info.name,
                     fmt::format("the fleet of {} is complete", plural(expected_, "agent")));
  info.membership = Membership();
  if (running) {
    Member& member = *joining_.emplace_back(std::make_shared<Member>());
    member.late = true;
    member.info = std::move(info);
    member.probing = true;
    return attach(member, link, false);
  }
  Member& member = enroll(std::make_shared<Member>());
  member.info = std::move(info);
  member.probing = members_.front()->probing;  // it begins with the others
  attach(member, link, false);
  if (on_joined_) on_joined_(member.info, members_.size());
}

Fleet::Member& Fleet::enroll(const std::shared_ptr<Member>& member) {
  member->number = static_cast<std::uint32_t>(members_.size());
  members_.push_back(member);
  return *member;
}

/// The first ones begin together; one that comes later is numbered now.
void Fleet::on_ready(Member& member) {
  member.advanced_at = clock_.now();
  if (!member.late) return member.info.membership.join(0);
  if (member.number || drain_limit_) return;  // at its end a run takes nobody in
  const auto from = second_of(ceil_second(now()));
  const auto self = member.shared_from_this();
  enroll(self);
  std::erase(joining_, self);
  events_.push_back(AgentJoined{.agent = *member.number, .from = from});
}

/// Over a new link an agent gets everything again that it may have missed.
void Fleet::attach(Member& member, const std::shared_ptr<AgentLink>& link, bool resume) {
  member.link = link;
  link->owner = member.weak_from_this();
  v1::CoordinatorMessage welcome;
  welcome.mutable_welcome()->set_acked(resume ? member.recorded : 0);
  welcome.mutable_welcome()->set_resume(resume);
  link->send(std::move(welcome));
  if (member.info.membership.lost()) {
    // It may hand over what it has measured, and nothing else.
    if (!drain_limit_) {
      v1::CoordinatorMessage drain;
      drain.mutable_drain()->set_limit_nanos(0);
      link->send(std::move(drain));
    }
  } else if (member.probing) {
    if (member.samples.size() < kProbes) member.probe(clock_.now());
  } else if (phase_ == Phase::kRunning && !resume) {
    send_assignment(member);
  } else if (phase_ == Phase::kRunning) {
    send_share(member);
  }
  if (drain_limit_) {
    v1::CoordinatorMessage drain;
    drain.mutable_drain()->set_limit_nanos(drain_limit_->count());
    link->send(std::move(drain));
  }
}

std::string Fleet::fault_in(const SnapshotBatch& batch) const {
  const std::int64_t last = second_of(now() + kSecondsAhead);
  const auto ahead = [&](std::int64_t second) {
    return fmt::format("its second {} lies ahead: the run is in its second {}", second, second_of(now()));
  };
  if (batch.complete_through > last) return ahead(batch.complete_through);
  for (const SecondSnapshot& second : batch.seconds) {
    if (second.second > last) return ahead(second.second);
    for (const auto& [key, stats] : second.series) {
      if (key.cell >= cells_ || key.epoch > epoch_)
        return fmt::format("it measured cell {} of {} under level {} of {}", key.cell, cells_, key.epoch,
                           epoch_);
    }
  }
  return {};
}

void Fleet::on_batch(Member& member, LinkEvent::RunBatch arrived) {
  SnapshotBatch& batch = arrived.batch;
  // Left over from another run, or from what it was before it joined.
  if (!is_of_run(arrived.run_id) || !member.number) return;
  member.waits = arrived.more;
  // Sent again because its acknowledgement had not arrived.
  if (batch.sequence <= member.received) return acknowledge(member);
  if (const std::string fault = fault_in(batch); !fault.empty()) {
    lose(member, "an invalid batch: " + fault, Loss::kBarred);
    member.link->abort();
    member.link.reset();
    return;
  }
  if (batch.sequence > member.received + 1) {
    spdlog::warn("agent {}: {} of its batches never came; their seconds are incomplete", member.info.name,
                 batch.sequence - member.received - 1);
  }
  member.received = batch.sequence;
  if (batch.complete_through > member.complete_through) {
    member.complete_through = batch.complete_through;
    member.advanced_at = clock_.now();
  }
  events_.push_back(
      BatchArrived{.agent = *member.number, .batch = std::move(batch), .wire = std::move(arrived.wire)});
}

void Fleet::on_closed(const std::shared_ptr<AgentLink>& link, const LinkClosed& closed) {
  Member* member = member_of(*link);
  if (member == nullptr) return;
  if (!member->number) return lose(*member, closed.reason);
  member->link.reset();
  if (phase_ == Phase::kAssembling) {
    spdlog::warn("agent {} left before the run: {}", member->info.name, closed.reason);
    std::erase_if(members_, [&](const auto& m) { return m.get() == member; });
    return;
  }
  member->broken_at = clock_.now();
  member->broken_why = closed.reason;
  member->info.membership.link_broken();
  if (closed.faulty) lose(*member, closed.reason, Loss::kBarred);
}

}  // namespace kneepoint::coordinator
