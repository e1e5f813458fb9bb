#include "coordinator/fleet/agent_messages.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "common/fleet_link.h"
#include "common/wire.h"
#include "common/wire_check.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::coordinator {
namespace {

using wire::Field;
using wire::refuse;

constexpr std::size_t kMaxWord = 200;
constexpr std::size_t kMaxRunId = 1000;
constexpr std::size_t kMaxReason = 100'000;
constexpr std::size_t kMaxHash = 200;
/// Of everything but a batch: the longest reason, and as much again.
constexpr std::size_t kMaxBeside = 256 * 1024;

void size(const Field& at, std::string_view text, std::size_t most) {
  if (text.size() > most) refuse(at, fmt::format("{} bytes, at most {} are allowed", text.size(), most));
}

void check_hello(const v1::Hello& hello) {
  const Field at{nullptr, "hello"};
  if (const auto fit = fleet_link::check_name(hello.name()); !fit) refuse({&at, "name"}, fit.error().message);
  if (hello.boot_id().empty()) refuse({&at, "boot_id"}, "is empty");
  size({&at, "boot_id"}, hello.boot_id(), kMaxWord);
  size({&at, "version"}, hello.version(), kMaxWord);
  size({&at, "run_id"}, hello.run_id(), kMaxRunId);
  (void)wire::amount({&at, "max_rate"}, hello.max_rate());
}

void check_reply(std::string_view field, const v1::ClockReply& reply) {
  const Field at{nullptr, field};
  (void)wire::instant({&at, "probe_sent_at_nanos"}, reply.probe_sent_at_nanos());
  (void)wire::instant({&at, "received_at_nanos"}, reply.received_at_nanos());
  (void)wire::instant({&at, "sent_at_nanos"}, reply.sent_at_nanos());
}

}  // namespace

Result<void> check(const v1::AgentMessage& message) {
  const auto checked = wire::guarded([&] {
    // Fields that nobody knows are held, too.
    if (message.ByteSizeLong() > kMaxBeside + message.batch().size())
      refuse({nullptr, "message"}, fmt::format("more than {} KiB beside its batch", kMaxBeside / 1024));
    size({nullptr, "run_id"}, message.run_id(), kMaxRunId);
    if (message.has_heartbeat_reply()) check_reply("heartbeat_reply", message.heartbeat_reply());
    switch (message.message_case()) {
      case v1::AgentMessage::kHello:
        check_hello(message.hello());
        break;
      case v1::AgentMessage::kClockReply:
        check_reply("clock_reply", message.clock_reply());
        break;
      case v1::AgentMessage::kLevelDone: {
        const Field at{nullptr, "level_done"};
        wire::duration({&at, "finished_at_nanos"}, message.level_done().finished_at_nanos());
        break;
      }
      case v1::AgentMessage::kRefused:
        size({nullptr, "refused"}, message.refused().reason(), kMaxReason);
        break;
      case v1::AgentMessage::kLeaving:
        size({nullptr, "leaving"}, message.leaving().reason(), kMaxReason);
        break;
      case v1::AgentMessage::kDatasetRequest:
        size({nullptr, "dataset_request"}, message.dataset_request().hash(), kMaxHash);
        break;
      default:
        break;  // nothing in it can be wrong by itself
    }
    return true;
  });
  if (!checked) return checked.error();
  return {};
}

Result<LinkEvent::What> event_of(const std::shared_ptr<v1::AgentMessage>& message) {
  if (auto valid = check(*message); !valid) return Error{"an invalid message: " + valid.error().message};
  if (!message->has_batch()) return LinkEvent::What(std::shared_ptr<const v1::AgentMessage>(message));
  auto batch = batch_from_agent(message->batch());
  if (!batch) return Error{"an invalid batch: " + batch.error().message};
  LinkEvent::What what;  // filled where it is: GCC 12 takes a moved one for uninitialised
  what = LinkEvent::RunBatch{
      .run_id = message->run_id(),
      .batch = *std::move(batch),
      .wire = std::make_shared<const std::string>(std::move(*message->mutable_batch())),
      .more = message->more(),
      .heartbeat_reply = std::shared_ptr<const v1::ClockReply>(message->release_heartbeat_reply())};
  return what;
}

}  // namespace kneepoint::coordinator
