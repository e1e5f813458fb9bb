#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "agent/session/coordinator_link.h"
#include "common/event_queue.h"
#include "common/version.h"
#include "kneepoint/v1/fleet.pb.h"
#include "tests/support/clock_reply.h"

namespace kneepoint::coordinator {

/// Speaks the protocol by hand, as no real agent would.
class RawAgent {
 public:
  explicit RawAgent(const std::string& address)
      : link_(agent::CoordinatorLink::dial(
            *parse_endpoint(address), 1, [this](agent::LinkEvent event) { inbox_.push(std::move(event)); })) {
  }

  static v1::AgentMessage hello(const std::string& name,
                                const std::string& version = std::string(kneepoint::version())) {
    v1::AgentMessage message;
    message.mutable_hello()->set_name(name);
    message.mutable_hello()->set_boot_id("boot-" + name);
    message.mutable_hello()->set_version(version);
    message.mutable_hello()->set_threads(1);
    return message;
  }
  void send(v1::AgentMessage message) { link_->send(std::move(message)); }
  /// The next message, or null when the stream has ended or nothing comes for a while.
  std::shared_ptr<const v1::CoordinatorMessage> next(Nanos limit = std::chrono::seconds(10)) {
    auto event = inbox_.pop_until(SystemClock().now() + limit);
    if (!event || std::holds_alternative<agent::LinkClosed>(event->what)) return nullptr;
    link_->processed();
    return std::get<0>(event->what);
  }

 private:
  EventQueue<agent::LinkEvent> inbox_;
  std::unique_ptr<agent::CoordinatorLink> link_;
};

}  // namespace kneepoint::coordinator
