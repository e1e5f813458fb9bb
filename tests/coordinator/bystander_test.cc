#include "coordinator/bystander/bystander.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string response(const std::string& status, const std::string& body = "{}") {
  return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

/// A bystander in a hurry, until something is true of what it has said.
class Bystanders : public testing::Test {
 protected:
  void watch(const std::string& url, Nanos timeout = std::chrono::seconds(20)) {
    plan_.bystander =
        BystanderPlan{.every = std::chrono::milliseconds(5), .timeout = timeout, .prompt = "Hello."};
    plan_.targets.push_back({.name = "host", .urls = {url}, .model = "m"});
    bystander_.emplace(
        plan_,
        Bystander::Options{.zero = std::chrono::steady_clock::now(), .run_id = "run", .on_update = [this] {
                             const std::lock_guard lock(mutex_);
                             ++updates_;
                             changed_.notify_all();
                           }});
  }
  bool wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (int seen = 0;;) {
      for (auto& sample : bystander_->take()) samples_.push_back(std::move(sample));
      if (done()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [&] { return updates_ > seen; })) return false;
      seen = updates_;
    }
  }
  double last(Signal signal) const { return samples_.back().values.at(signal); }

  Plan plan_;
  std::vector<TelemetrySample> samples_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int updates_ = 0;
  std::optional<Bystander> bystander_;  // ends first
};

TEST_F(Bystanders, AsksForOneTokenAgainAndAgainWithAnotherTextEachTime) {
  std::mutex mutex;
  std::vector<std::string> asked;
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();) {
      {
        const std::lock_guard lock(mutex);
        asked.push_back(request);
      }
      peer.send(response("200 OK"));
    }
  });
  watch(server.url());
  ASSERT_TRUE(wait_until([&] { return !samples_.empty() && last(Signal::kBystanderRequests) >= 3; }));
  bystander_->stop();
  EXPECT_EQ(samples_.back().target, "host");
  EXPECT_EQ(samples_.back().source, kBystanderSource);
  EXPECT_EQ(last(Signal::kBystanderFailed), 0);
  EXPECT_GT(last(Signal::kBystanderTtft), 0);
  EXPECT_GE(last(Signal::kBystanderTtftSum), last(Signal::kBystanderTtft));
  EXPECT_THAT(bystander_->take_notices(), testing::IsEmpty());
  const std::lock_guard lock(mutex);
  EXPECT_THAT(asked.at(0), HasSubstr("POST /v1/chat/completions "));
  EXPECT_THAT(asked.at(0), HasSubstr(R"("max_tokens":1,"stream":false)"));
  EXPECT_THAT(asked.at(0), HasSubstr("Hello."));
  const auto content = [](const std::string& request) { return request.substr(request.find("content\":")); };
  EXPECT_NE(content(asked.at(0)), content(asked.at(1)));
}

TEST_F(Bystanders, GoesOnAskingWhereEarlierRequestsWait) {
  std::atomic<int> waiting = 0;
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    if (peer.read_request().empty()) return;
    ++waiting;
    peer.wait_for_close();
  });
  watch(server.url(), std::chrono::milliseconds(200));
  ASSERT_TRUE(wait_until([&] { return samples_.size() >= 3; }));
  EXPECT_GE(waiting, 3) << "it did not wait for the first answer";
  EXPECT_EQ(last(Signal::kBystanderRequests), 0);
  EXPECT_GE(last(Signal::kBystanderFailed), 3);
  EXPECT_GE(last(Signal::kBystanderTtft), 0.2) << "it waited so long at least";
}

TEST_F(Bystanders, ARefusalIsNoTimeToFirstTokenAndIsToldOnce) {
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) peer.send(response("429 Too Many Requests"));
  });
  watch(server.url());
  ASSERT_TRUE(wait_until([&] { return samples_.size() >= 3; }));
  EXPECT_FALSE(samples_.back().values.contains(Signal::kBystanderTtft));
  EXPECT_THAT(bystander_->take_notices(),
              ElementsAre("The bystander of host was not answered: HTTP status 429. It goes on asking."));
}

TEST_F(Bystanders, AnErrorAt200IsNoAnswer) {
  const std::string failures[] = {R"({"error": {"message": "no"}})", R"({"detail": "no"})", "<html>"};
  // What is no answer costs its connection.
  ScriptedServer server([&](ScriptedServer::Peer& peer, int connection) {
    if (!peer.read_request().empty())
      peer.send(response("200 OK", failures[static_cast<std::size_t>(connection) % std::size(failures)]));
  });
  watch(server.url());
  ASSERT_TRUE(wait_until([&] { return samples_.size() >= 4; }));
  EXPECT_EQ(last(Signal::kBystanderRequests), 0);
  EXPECT_FALSE(samples_.back().values.contains(Signal::kBystanderTtft));
}

}  // namespace
}  // namespace kneepoint::coordinator
