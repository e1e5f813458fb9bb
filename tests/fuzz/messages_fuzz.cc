// What comes over a fleet's link: a stream of messages of an agent, as the coordinator takes them, and one of
// a coordinator, as an agent takes it. Whatever passes the checks can be acted upon.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/prompts/dataset_fetch.h"
#include "agent/session/permissions.h"
#include "common/printable.h"
#include "common/wire.h"
#include "coordinator/fleet/agent_messages.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"

namespace {

using namespace kneepoint;

/// What an agent says: all that reaches a terminal or a table is printable, batches survive their way back,
/// and one that is recorded as it came can be read again.
void take(const v1::AgentMessage& message) {
  switch (message.message_case()) {
    case v1::AgentMessage::kHello: {
      const std::string name = printable_start(message.hello().name(), 200);
      if (printable(name) != name) std::abort();
      break;
    }
    case v1::AgentMessage::kBatch: {
      const auto event = coordinator::event_of(std::make_shared<v1::AgentMessage>(message));
      if (!event) break;
      const auto& arrived = std::get<coordinator::LinkEvent::RunBatch>(*event);
      v1::SnapshotBatch again;
      to_wire(arrived.batch, again);
      if (!from_wire(again)) std::abort();
      if (!batch_from_bytes(*arrived.wire)) std::abort();
      break;
    }
    default:
      break;
  }
}

/// What a coordinator says: an assignment is checked and its datasets fetched, a level is within the caps or
/// not.
class Agent {
 public:
  void take(const v1::CoordinatorMessage& message) {
    if (message.has_assignment()) {
      auto assignment = from_wire(message.assignment());
      if (!assignment) return;
      for (const Target& target : assignment->targets) {
        const auto allowed = permissions_.check(target);
        if (allowed && target.auth.source != SecretRef::Source::kNone) std::abort();
      }
      fetch_.emplace(*assignment);
    } else if (message.has_dataset_chunk() && fetch_ && !fetch_->complete()) {
      const v1::DatasetChunk& chunk = message.dataset_chunk();
      static_cast<void>(fetch_->next());
      static_cast<void>(fetch_->take(chunk.hash(), chunk.offset(), chunk.data()));
    } else if (message.has_level()) {
      const auto level = from_wire(message.level());
      if (level) static_cast<void>(permissions_.caps.check(*level));
    }
  }

 private:
  const agent::Permissions permissions_{.caps = {.max_streams = 1000, .max_rate = 1000}};
  std::optional<agent::DatasetFetch> fetch_;
};

/// Messages one behind the other, each with two bytes of length before it, as the corpus has them.
template <class Message, class Take>
void each(std::string_view bytes, Take take) {
  while (bytes.size() >= 2) {
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 |
                        static_cast<unsigned char>(bytes[1]);
    const std::string_view piece = bytes.substr(2, length);
    bytes.remove_prefix(2 + piece.size());
    Message message;
    if (message.ParseFromArray(piece.data(), static_cast<int>(piece.size()))) take(message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    each<v1::AgentMessage>(bytes, [](const auto& message) { take(message); });
  } else {
    Agent agent;
    each<v1::CoordinatorMessage>(bytes, [&](const auto& message) { agent.take(message); });
  }
  return 0;
}
