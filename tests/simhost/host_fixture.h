#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/simhost/host.h"
#include "tests/simhost/test_client.h"

namespace kneepoint::simhost {

inline constexpr std::string_view kChat = "/v1/chat/completions";

/// A host whose iterations take a fifth of a millisecond, on an ephemeral port.
class HostTest : public testing::Test {
 protected:
  HostTest() {
    config.profile.name = "test";
    config.profile.model = "tiny";
    config.profile.max_model_len = 4096;
    config.profile.engine = {};
    config.profile.engine.slots = 8;
    config.profile.engine.base = std::chrono::microseconds(200);
    config.stall_time = std::chrono::milliseconds(30);
  }

  void start() {
    auto started = Host::start(config);
    ASSERT_TRUE(started) << started.error().message;
    host = *std::move(started);
  }
  std::uint16_t port(std::size_t replica = 0) const { return host->ports()[replica]; }

  static std::string chat(int max_tokens, std::string_view more = R"(,"stream":true)") {
    return fmt::format(
        R"({{"model":"tiny","messages":[{{"role":"user","content":"What is a transformer?"}}],"max_tokens":{}{}}})",
        max_tokens, more);
  }
  static std::string fault(std::string_view kind) { return fmt::format("X-Simhost-Fault: {}\r\n", kind); }

  /// Statistics once `done` holds: what follows a client's disconnect happens on the host's thread. Each
  /// round trip to the host lets it go on; a host that never gets there fails the test by its time limit.
  template <class Predicate>
  HostStats stats_when(Predicate done) {
    TestClient client(port());
    HostStats stats = host->stats();
    while (!done(stats) && client.get("/health").status != 0) stats = host->stats();
    return stats;
  }

  /// Nothing in flight, and every request has exactly one ending.
  static void expect_balanced(const HostStats& s) {
    EXPECT_EQ(s.in_flight, 0);
    EXPECT_EQ(s.received, s.completed + s.failed + s.rejected + s.invalid + s.cancelled);
  }

  HostConfig config;
  std::unique_ptr<Host> host;
};

/// Content deltas (of any kind) in a stream's events.
inline int content_events(const Response& response) {
  int count = 0;
  for (const std::string& event : response.events()) {
    const Json json(event);
    count += !json.text("/choices/0/delta/content", "").empty() ||
             !json.text("/choices/0/delta/reasoning_content", "").empty();
  }
  return count;
}

}  // namespace kneepoint::simhost
