#include "coordinator/fleet/fleet.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/dataset.h"
#include "common/endpoint.h"
#include "common/printable.h"
#include "common/version.h"
#include "common/wire.h"
#include "coordinator/fleet/member.h"
#include "coordinator/fleet/split.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxName = 200;

/// What an agent says of itself goes to terminals and reports: one short, printable line.
std::string one_line(std::string_view text) {
  constexpr std::size_t kLongest = 500;
  return printable_start(text, kLongest);
}

void turn_away(AgentLink& link, const std::string& name, const std::string& reason) {
  spdlog::warn("agent {} at {} turned away: {}", name, link.peer(), reason);
  v1::CoordinatorMessage message;
  message.mutable_rejected()->set_reason(reason);
  link.send(std::move(message));
  link.close();
}

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
  std::unique_ptr<Fleet> fleet(new Fleet(std::move(options)));
  auto server = LinkServer::listen(
      endpoints, [inbox = &fleet->inbox_](LinkEvent event) { inbox->push(std::move(event)); },
      fleet->options_.credentials.get());
  if (!server) return server.error();
  fleet->server_ = *std::move(server);
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    endpoints[i].port = static_cast<std::uint16_t>(fleet->server_->ports()[i]);
    fleet->addresses_.push_back(endpoints[i].str());
  }
  return fleet;
}

Fleet::Fleet(Options options) : options_(std::move(options)) {}

Fleet::~Fleet() {
  if (phase_ != Phase::kFinished) finish(false, "the coordinator stopped");
}

std::size_t Fleet::agents() const {
  return static_cast<std::size_t>(
      std::count_if(members_.begin(), members_.end(), [](const auto& m) { return !m->info.lost; }));
}

const AgentInfo& Fleet::agent(std::uint32_t agent) const {
  return members_.at(agent)->info;
}

bool Fleet::drained() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& member) {
    return !member->link || (member->drained_after && member->taken >= *member->drained_after);
  });
}

std::optional<FleetEvent> Fleet::wait(Nanos timeout) {
  const MonoTime deadline = mono_now() + timeout;
  while (events_.empty() && pump(deadline)) {
  }
  find_silent();
  if (events_.empty()) return std::nullopt;
  FleetEvent event = std::move(events_.front());
  events_.pop_front();
  if (const auto* arrived = std::get_if<BatchArrived>(&event)) {
    Member& member = *members_[arrived->agent];
    member.taken = arrived->batch.sequence;
    v1::CoordinatorMessage message;
    message.mutable_ack()->set_sequence(member.taken);
    if (member.link) member.link->send(std::move(message));
  }
  return event;
}

void Fleet::send(const LoadLevel& level) {
  std::vector<Member*> live;
  for (const auto& member : members_) {
    if (!member->info.lost) live.push_back(member.get());
  }
  if (live.empty()) return;
  const std::vector<LoadLevel> shares = split(level, live.size());
  for (std::size_t rank = 0; rank < live.size(); ++rank) {
    Member& member = *live[rank];
    v1::CoordinatorMessage message;
    to_wire(shares[rank], *message.mutable_level());
    if (member.link) member.link->send(std::move(message));
    if (level.budget && !has_requests(shares[rank])) {
      member.shareless_epoch = level.epoch;
      events_.push_back(
          LevelFinished{.agent = number_of(member), .epoch = level.epoch, .finished_at = level.effective_at});
    }
  }
}

void Fleet::drain(Nanos limit) {
  drain_limit_ = limit;
  for (const auto& member : members_) {
    v1::CoordinatorMessage message;
    message.mutable_drain()->set_limit_nanos(limit.count());
    if (member->link) member->link->send(std::move(message));
  }
}

void Fleet::finish(bool complete, const std::string& reason) {
  phase_ = Phase::kFinished;
  for (const auto& member : members_) {
    if (!member->link) continue;
    v1::CoordinatorMessage message;
    message.mutable_finish()->set_complete(complete);
    message.mutable_finish()->set_reason(reason);
    member->link->send(std::move(message));
    member->link->close();
    member->link.reset();
  }
}

bool Fleet::pump(MonoTime deadline) {
  auto event = inbox_.pop_until(deadline);
  if (!event) return false;
  if (const auto* closed = std::get_if<LinkClosed>(&event->what)) {
    on_closed(event->link, closed->reason);
  } else if (auto* batch = std::get_if<SnapshotBatch>(&event->what)) {
    if (Member* member = member_of(event->link.get())) on_batch(*member, std::move(*batch));
  } else {
    on_message(event->link, *std::get<0>(event->what), event->at);
  }
  return true;
}

void Fleet::on_message(const std::shared_ptr<AgentLink>& link, const v1::AgentMessage& message, MonoTime at) {
  if (message.has_hello()) return on_hello(link, message.hello());
  Member* member = member_of(link.get());
  if (member == nullptr) return;  // turned away, or replaced by a newer link
  switch (message.message_case()) {
    case v1::AgentMessage::kClockReply: {
      const v1::ClockReply& reply = message.clock_reply();
      if (reply.id() != member->samples.size() || member->samples.size() >= kProbes) break;
      member->samples.push_back({.probe_sent = MonoTime(Nanos(reply.probe_sent_at_nanos())),
                                 .probe_received = MonoTime(Nanos(reply.received_at_nanos())),
                                 .reply_sent = MonoTime(Nanos(reply.sent_at_nanos())),
                                 .reply_received = at});
      if (member->samples.size() < kProbes) member->probe();
      break;
    }
    case v1::AgentMessage::kDatasetRequest:
      serve_dataset(*link, message.dataset_request());
      break;
    case v1::AgentMessage::kReady:
      member->ready = true;
      break;
    case v1::AgentMessage::kRefused:
      lose(*member, "it refused: " + one_line(message.refused().reason()));
      break;
    case v1::AgentMessage::kLevelDone: {
      const v1::LevelDone& done = message.level_done();
      if (done.epoch() == member->shareless_epoch) break;
      events_.push_back(
          LevelFinished{.agent = number_of(*member),
                        .epoch = done.epoch(),
                        .finished_at = Nanos(std::max<std::int64_t>(0, done.finished_at_nanos()))});
      break;
    }
    case v1::AgentMessage::kDrained:
      member->drained_after = message.drained().last_sequence();
      break;
    case v1::AgentMessage::kLeaving:
      lose(*member, "it is leaving: " + one_line(message.leaving().reason()));
      break;
    default:
      break;  // hellos and batches do not come here; what is unknown is of no version that was welcomed
  }
}

/// An empty piece says that there are no such bytes.
void Fleet::serve_dataset(AgentLink& link, const v1::DatasetRequest& request) {
  served_at_ = mono_now();
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
  if (!link->may_be(hello.name())) {
    return turn_away(*link, name,
                     "its certificate does not name it: --name must be a DNS name (SAN) of --tls-cert");
  }
  if (name.empty() || name.size() > kMaxName || hello.boot_id().empty() ||
      hello.boot_id().size() > kMaxName) {
    return turn_away(*link, name, "it needs a name and a boot id of at most 200 bytes");
  }
  if (phase_ == Phase::kFinished) return turn_away(*link, name, "the run is over");
  const auto known =
      std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m->info.name == name; });
  if (known != members_.end() && (*known)->info.boot_id == hello.boot_id()) {
    // The same process again: its old link is dead, whether that has shown here yet or not.
    if ((*known)->link) (*known)->link->abort();
    if (phase_ != Phase::kAssembling) lose(**known, "its connection broke");
    return attach(**known, link);
  }
  if (known != members_.end()) return turn_away(*link, name, "another agent has its name");
  if (phase_ != Phase::kAssembling) {
    return turn_away(*link, name, fmt::format("the fleet of {} agents is complete", members_.size()));
  }
  auto member = std::make_unique<Member>();
  member->info = {.name = name,
                  .boot_id = hello.boot_id(),
                  .threads = hello.threads(),
                  .cpus = hello.cpus(),
                  .pid = hello.pid(),
                  .peer = link->peer()};
  attach(*member, link);
  members_.push_back(std::move(member));
  if (on_joined_) on_joined_(members_.back()->info, members_.size());
}

void Fleet::attach(Member& member, const std::shared_ptr<AgentLink>& link) {
  member.link = link;
  v1::CoordinatorMessage welcome;
  welcome.mutable_welcome()->set_acked(member.taken);
  link->send(std::move(welcome));
  if (drain_limit_) {
    v1::CoordinatorMessage drain;
    drain.mutable_drain()->set_limit_nanos(drain_limit_->count());
    link->send(std::move(drain));
  }
}

void Fleet::on_batch(Member& member, SnapshotBatch batch) {
  if (batch.sequence <= member.received) return;  // sent again because its acknowledgement had not arrived
  member.received = batch.sequence;
  events_.push_back(BatchArrived{.agent = number_of(member), .batch = std::move(batch)});
}

void Fleet::on_closed(const std::shared_ptr<AgentLink>& link, const std::string& reason) {
  Member* member = member_of(link.get());
  if (member == nullptr) return;
  member->link.reset();
  if (phase_ == Phase::kAssembling) {
    spdlog::warn("agent {} left before the run: {}", member->info.name, reason);
    std::erase_if(members_, [&](const auto& m) { return m.get() == member; });
    return;
  }
  lose(*member, reason);
}

void Fleet::lose(Member& member, const std::string& reason) {
  if (member.info.lost || phase_ == Phase::kFinished) return;
  member.info.lost = true;
  member.problem = reason;
  if (phase_ == Phase::kRunning) events_.push_back(AgentLost{.agent = number_of(member), .reason = reason});
}

void Fleet::find_silent() {
  if (phase_ != Phase::kRunning) return;
  const MonoTime now = mono_now();
  for (const auto& member : members_) {
    if (!member->link || now - member->link->heard_at() < options_.silence_limit) continue;
    lose(*member, fmt::format("nothing came from it for {:g} s", to_seconds(options_.silence_limit)));
    member->link->abort();  // it stops its load when it notices
    member->link.reset();
  }
}

Fleet::Member* Fleet::member_of(const AgentLink* link) {
  for (const auto& member : members_) {
    if (member->link.get() == link) return member.get();
  }
  return nullptr;
}

std::uint32_t Fleet::number_of(const Member& member) const {
  const auto at =
      std::find_if(members_.begin(), members_.end(), [&](const auto& m) { return m.get() == &member; });
  return static_cast<std::uint32_t>(at - members_.begin());
}

}  // namespace kneepoint::coordinator
