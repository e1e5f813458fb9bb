#include "coordinator/fleet/fleet.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/endpoint.h"
#include "common/slot_set.h"
#include "common/whole_seconds.h"
#include "common/wire.h"
#include "coordinator/fleet/member.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::coordinator {
namespace {

constexpr Nanos kJudgeInterval = std::chrono::milliseconds(20);

}  // namespace

Result<std::unique_ptr<Fleet>> Fleet::listen(Options options) {
  std::vector<Endpoint> endpoints;
  for (const std::string& text : options.listen) {
    auto endpoint = parse_endpoint(text);
    if (!endpoint) return endpoint.error();
    if (auto allowed = check_plaintext(*endpoint, options.insecure || options.credentials); !allowed)
      return allowed.error();
    endpoints.push_back(*std::move(endpoint));
  }
  const auto credentials = options.credentials;
  auto fleet = over(std::move(options), system_clock(), [&](LinkServer::Sink sink) {
    return LinkServer::listen(endpoints, std::move(sink), credentials.get());
  });
  if (!fleet) return fleet;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i].port = static_cast<std::uint16_t>((*fleet)->server_->ports()[i]);
    (*fleet)->addresses_.push_back(endpoints[i].str());
  }
  return fleet;
}

Result<std::unique_ptr<Fleet>> Fleet::over(Options options, WaitableClock& clock, const Serve& serve) {
  std::unique_ptr<Fleet> fleet(new Fleet(std::move(options), clock));
  auto server = serve([inbox = &fleet->inbox_](LinkEvent event) { inbox->push(std::move(event)); });
  if (!server) return server.error();
  fleet->server_ = *std::move(server);
  return fleet;
}

Fleet::Fleet(Options options, WaitableClock& clock)
    : options_(std::move(options)), clock_(clock), inbox_(clock) {}

Fleet::~Fleet() {
  if (phase_ != Phase::kFinished) finish(false, "the coordinator stopped");
}

std::size_t Fleet::agents() const {
  return static_cast<std::size_t>(std::count_if(members_.begin(), members_.end(), [](const auto& m) {
    const Membership& membership = m->info.membership;
    return !membership.lost() && !(m->late && membership.state() == MemberState::kJoining);
  }));
}

std::size_t Fleet::places_taken() const {
  const auto there = std::count_if(members_.begin(), members_.end(),
                                   [](const auto& m) { return !m->info.membership.lost(); });
  return static_cast<std::size_t>(there) + joining_.size();
}

const AgentInfo& Fleet::agent(std::uint32_t agent) const {
  return members_.at(agent)->info;
}

bool Fleet::drained() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& member) {
    if (!member->link && member->info.membership.lost()) return true;
    return member->drained_after && member->taken >= *member->drained_after;
  });
}

bool Fleet::gathering() const {
  if (phase_ != Phase::kRunning || drain_limit_) return false;
  const bool room = places_taken() < expected_;
  return !joining_.empty() || std::any_of(members_.begin(), members_.end(), [&](const auto& member) {
    const MemberState state = member->info.membership.state();
    return state == MemberState::kAway ||
           (state == MemberState::kLost && member->link && !member->barred && room);
  });
}

std::optional<FleetEvent> Fleet::wait(Nanos timeout) {
  const MonoTime deadline = clock_.now() + timeout;
  attend();
  while (events_.empty() && pump(deadline)) {
  }
  if (find_absent()) take_back();
  if (events_.empty()) return std::nullopt;
  FleetEvent event = std::move(events_.front());
  events_.pop_front();
  if (const auto* arrived = std::get_if<BatchArrived>(&event)) {
    Member& member = *members_[arrived->agent];
    member.taken = arrived->batch.sequence;
    acknowledge(member);
  } else if (const auto* joined = std::get_if<AgentJoined>(&event)) {
    // Not before, so that nobody gets load whom the run does not know.
    Member& member = *members_[joined->agent];
    member.info.membership.join(joined->from);
    if (!member.link) member.info.membership.link_broken();
  } else if (const auto* lost = std::get_if<AgentLost>(&event)) {
    members_[lost->agent]->loss_told = true;
  }
  return event;
}

void Fleet::recorded(std::uint32_t agent, std::uint64_t sequence) {
  inbox_.push(Recorded{.agent = agent, .sequence = sequence});
}

void Fleet::process_ended(const std::string& name, const std::string& reason) {
  Member* const member = latest(name);
  if (member != nullptr && phase_ != Phase::kAssembling) lose(*member, reason, Loss::kEnded);
}

void Fleet::send(const LoadLevel& level) {
  std::vector<ShareHolder> live;
  for (std::uint32_t number = 0; number < members_.size(); ++number) {
    const Member& member = *members_[number];
    // Until the run knows of a loss it waits for no lease: what would be the lost one's is left out.
    const bool lost_unknown = member.share && member.info.membership.lost() && !member.loss_told;
    if (!member.info.membership.takes_part() && !lost_unknown) continue;
    live.push_back({.agent = number, .threads = member.info.threads});
  }
  if (live.empty()) return;
  epoch_ = level.epoch;
  if (!shares_) shares_.emplace(live, expected_);
  const std::size_t sharing =
      level.agents == 0 ? live.size() : std::min<std::size_t>(level.agents, live.size());
  shares_->deal({live.begin(), live.begin() + static_cast<std::ptrdiff_t>(sharing)});
  for (const ShareHolder& holder : live) {
    Member& member = *members_[holder.agent];
    member.share = shares_->part(level, holder);
    send_share(member);
    if (level.budget && wanted(level, slots_of(*member.share)) == 0) {
      member.done_epoch = level.epoch;
      events_.push_back(
          LevelFinished{.agent = holder.agent, .epoch = level.epoch, .finished_at = level.effective_at});
    }
  }
}

/// Load without a heartbeat before it would end at once.
void Fleet::send_share(Member& member) {
  if (!member.link || !member.share || member.info.membership.lost()) return;
  beat(member, clock_.now());
  v1::CoordinatorMessage message;
  to_wire(*member.share, *message.mutable_level());
  member.link->send(std::move(message));
}

void Fleet::attend() {
  const MonoTime now = clock_.now();
  const Nanos away = now - attended_at_;
  if (away > lease::kHeartbeat) judged_from_ = now;
  if (phase_ == Phase::kRunning && away > lease::kSilence) patient_until_ = now + lease::kGather;
  attended_at_ = now;
  if (now - tended_at_ >= lease::kHeartbeat) {
    tended_at_ = now;
    server_->tend();
  }
  if (phase_ != Phase::kRunning || now < beat_due_) return;
  // With the run's seconds: an agent collects just behind their ends, and its answer rides with that batch.
  beat_due_ = zero_ + ((now - zero_) / options_.heartbeat + 1) * options_.heartbeat;
  for (const auto& member : members_) {
    if (member->link && !member->info.membership.lost()) beat(*member, now);
  }
}

void Fleet::beat(Member& member, MonoTime now) {
  member.beaten_at = now;
  v1::CoordinatorMessage message;
  v1::Heartbeat& heartbeat = *message.mutable_heartbeat();
  heartbeat.set_id(++beats_);
  heartbeat.set_sent_at_nanos(now.time_since_epoch().count());
  heartbeat.set_since_zero_nanos((now - zero_).count());
  const MonoTime its_zero = zero_ + member.info.clock.offset + member.info.clock_drift;
  heartbeat.set_zero_nanos(its_zero.time_since_epoch().count());
  heartbeat.set_clock_uncertainty_nanos(static_cast<std::uint64_t>(member.info.clock.round_trip.count() / 2));
  member.add_ack(message);
  member.link->send(std::move(message));
}

void Fleet::acknowledge(const Member& member) {
  const bool beaten = phase_ == Phase::kRunning && !member.info.membership.lost();
  if (!member.link || (beaten && !member.waits)) return;
  v1::CoordinatorMessage message;
  member.add_ack(message);
  member.link->send(std::move(message));
}

/// No row would ever be complete with it. At its end a run waits for nobody for long anyway.
bool Fleet::stands_still(const Member& member) const {
  return phase_ == Phase::kRunning && !drain_limit_ && member.info.membership.takes_part() &&
         attended_at_ - std::max(member.advanced_at, judged_from_) >= options_.still_limit;
}

bool Fleet::find_absent() {
  const MonoTime now = attended_at_;
  if (now - judged_at_ < kJudgeInterval) return false;  // not for every event of a thousand agents
  judged_at_ = now;
  if (phase_ == Phase::kAssembling || phase_ == Phase::kFinished) return true;
  for (const auto& member : members_) {
    if (member->info.membership.lost()) continue;
    if (!member->link) {
      if (now < patient_until_) continue;
      if (now - std::max(member->broken_at, judged_from_) >= options_.return_limit) {
        lose(*member, member->broken_why);
      }
    } else if (phase_ == Phase::kRunning &&
               now - std::max(member->link->heard_at(), judged_from_) >= options_.silence_limit) {
      lose(*member, fmt::format("nothing came from it for {:g} s", to_seconds(options_.silence_limit)));
      member->link->abort();  // it stops its load when it notices
      member->link.reset();
    } else if (stands_still(*member)) {
      lose(*member, fmt::format("it answers, but has measured nothing for {:g} s: a thread of it hangs",
                                to_seconds(options_.still_limit)));
      member->link->abort();
      member->link.reset();
    }
  }
  std::erase_if(joining_, [&](const auto& member) {
    if (now - std::max(member->link->heard_at(), judged_from_) < kStartLimit) return false;
    member->link->abort();
    return true;
  });
  return true;
}

void Fleet::take_back() {
  if (phase_ != Phase::kRunning || drain_limit_) return;
  // By index: who is admitted is not among these yet.
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[i];
    if (member.info.membership.state() != MemberState::kLost || member.barred) continue;
    if (!member.link || !member.drained_after) continue;
    // What the journal does not hold yet its agent must still keep.
    if (member.recorded < *member.drained_after || places_taken() >= expected_) continue;
    member.info.membership.gone();
    admit(std::exchange(member.link, nullptr), member.info);
  }
}

void Fleet::lose(Member& member, const std::string& reason, Loss how) {
  if (phase_ == Phase::kFinished) return;
  if (!member.number) {
    spdlog::warn("agent {} did not join: {}", member.info.name, reason);
    member.link->abort();
    std::erase(joining_, member.shared_from_this());
    return;
  }
  const MonoTime now = clock_.now();
  const MonoTime lease_end = member.beaten_at + lease::kLength + lease::kMargin;
  const Nanos load_until = (how == Loss::kEnded || !member.share ? now : std::max(now, lease_end)) - zero_;
  const std::int64_t until = second_of(ceil_second(load_until));
  if (!member.info.membership.lose(until, member.share.has_value())) return;
  member.problem = reason;
  member.barred = how == Loss::kBarred;
  acknowledge(member);  // no heartbeat tells it any more, and what it still has waits for that
  if (phase_ != Phase::kRunning) return;
  events_.push_back(AgentLost{.agent = *member.number,
                              .reason = reason,
                              .until = member.info.membership.presence().until,
                              .load_until = load_until});
}

void Fleet::drain(Nanos limit) {
  drain_limit_ = limit;
  for (const auto& member : members_) {
    v1::CoordinatorMessage message;
    message.mutable_drain()->set_limit_nanos(limit.count());
    if (member->link) member->link->send(std::move(message));
  }
}

std::size_t Fleet::finish(End end) {
  phase_ = Phase::kFinished;
  end_ = std::move(end);
  const auto tell = [&](Member& member) {
    if (const auto link = std::exchange(member.link, nullptr)) tell_end(*link, member.info.name);
  };
  for (const auto& member : members_) tell(*member);
  for (const auto& member : joining_) tell(*member);
  return told_.size();
}

void Fleet::tell_end(AgentLink& link, const std::string& name) {
  v1::CoordinatorMessage message;
  message.mutable_finish()->set_complete(end_.complete);
  message.mutable_finish()->set_reason(end_.reason);
  message.mutable_finish()->set_final(end_.final);
  link.send(std::move(message));
  link.close();
  told_.insert(name);
}

void Fleet::see_off(std::size_t agents, Nanos patience, const Check& check) {
  const MonoTime until = clock_.now() + patience;
  while (told_.size() < agents && clock_.now() < until && (!check || check()))
    pump(std::min(until, clock_.now() + kCheckInterval));
}

Fleet::Member* Fleet::member_of(const AgentLink& link) {
  const auto owner = std::static_pointer_cast<Member>(link.owner.lock());
  // It stays alive: the fleet holds it, too.
  return owner && owner->link.get() == &link ? owner.get() : nullptr;
}

Fleet::Member* Fleet::latest(const std::string& name) {
  const auto found =
      std::find_if(members_.rbegin(), members_.rend(), [&](const auto& m) { return m->info.name == name; });
  return found == members_.rend() ? nullptr : found->get();
}

}  // namespace kneepoint::coordinator
