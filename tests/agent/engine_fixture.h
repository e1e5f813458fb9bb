#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/load/run_controller.h"
#include "agent/net/poller.h"
#include "support/scripted_server.h"

namespace kneepoint::agent {

/// A RunController against scripted hosts over loopback. Its zero lies half a second back, so that a test's
/// events fall into few seconds and those end soon.
class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    assignment_.run_id = "test";
    assignment_.zero = mono_now() - std::chrono::milliseconds(500);
    assignment_.targets.push_back({.name = "host", .model = "m"});
    assignment_.cells.push_back({});
    workload().classes = {{"all", {"Hello"}, 1}};
  }

  Target& target() { return assignment_.targets[0]; }
  Workload& workload() { return assignment_.cells[0].workload; }
  Nanos elapsed() const { return mono_now() - assignment_.zero; }

  void start(unsigned threads = 1, const std::string& secret = "") {
    controller_ = std::make_unique<RunController>(
        assignment_, std::vector<Keys>{secret.empty() ? Keys() : Keys{secret}},
        RunController::Options{.threads = threads, .on_level_done = [this](LevelDone done) {
                                 const std::lock_guard lock(mutex_);
                                 done_.push_back(done);
                                 changed_.notify_all();
                               }});
  }

  LevelDone wait_for_level(std::uint64_t epoch) {
    std::unique_lock lock(mutex_);
    const auto is_epoch = [&](const LevelDone& done) { return done.epoch == epoch; };
    const bool ok = changed_.wait_for(lock, std::chrono::seconds(20),
                                      [&] { return std::any_of(done_.begin(), done_.end(), is_epoch); });
    EXPECT_TRUE(ok) << "the level never ended";
    return ok ? *std::find_if(done_.begin(), done_.end(), is_epoch) : LevelDone();
  }

  /// Issues `requests` requests and returns everything recorded by their end.
  SeriesStats run(std::uint64_t requests = 1, std::uint32_t concurrency = 1) {
    if (!controller_) start();
    controller_->apply(
        {.epoch = 1, .concurrency = concurrency, .effective_at = elapsed(), .budget = requests});
    wait_for_level(1);
    return collect_all();
  }

  /// Collects until every second up to now has been handed over.
  SeriesStats collect_all() {
    const std::int64_t last = std::chrono::floor<std::chrono::seconds>(elapsed()).count();
    collect_until([&] { return complete_through_ >= last; });
    SeriesStats sum;
    for (const auto& [key, stats] : series_) sum.merge(stats);
    return sum;
  }

  template <class Condition>
  void collect_until(Condition condition) {
    const MonoTime give_up = mono_now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(mono_now(), give_up);
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, std::chrono::milliseconds(20));
      lock.unlock();
      collect();
    }
  }

  void collect() {
    gauges_ = controller_->collect();
    complete_through_ = gauges_.complete_through;
    for (const SecondSnapshot& second : gauges_.seconds) {
      for (const auto& [key, stats] : second.series) series_[key].merge(stats);
      generator_.merge(second.generator);
      rows_.insert(rows_.end(), second.requests.begin(), second.requests.end());
    }
  }

  static std::uint64_t count(const SeriesStats& stats, Outcome outcome) {
    return stats.outcomes[static_cast<std::size_t>(outcome)];
  }

  Assignment assignment_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LevelDone> done_;
  std::map<SeriesKey, SeriesStats> series_;
  GeneratorStats generator_;
  std::vector<RequestRow> rows_;  // where the assignment asks for records
  SnapshotBatch gauges_;
  std::int64_t complete_through_ = -1;
  std::unique_ptr<RunController> controller_;  // last: it calls back
};

// --- what hosts say ---

inline std::string delta(const std::string& text) {
  return "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" + text +
         "\"},\"finish_reason\":null}]}\n\n";
}
inline const std::string kRoleEvent =
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
inline const std::string kFinishEvent =
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
inline const std::string kDoneEvent = "data: [DONE]\n\n";
inline std::string usage_event(int tokens) {
  return "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":" +
         std::to_string(tokens) + "}}\n\n";
}

inline const std::string kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
inline const std::string kLastChunk = "0\r\n\r\n";
inline std::string chunked(const std::string& body) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", body.size());
  return size + body + "\r\n";
}
inline std::string response(const std::string& status, const std::string& body,
                            const std::string& headers = "") {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

/// A whole streamed answer of `tokens` one-token chunks, as one host would write it.
inline std::string answer(int tokens) {
  std::string stream = kStreamHead + chunked(kRoleEvent);
  for (int i = 0; i < tokens; ++i) stream += chunked(delta("t"));
  return stream + chunked(kFinishEvent) + chunked(usage_event(tokens)) + chunked(kDoneEvent) + kLastChunk;
}

/// Answers every request of a connection with the same bytes.
inline ScriptedServer::Script always(const std::string& bytes) {
  return [bytes](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) peer.send(bytes);
  };
}

/// The same, each as soon as `gate` is open. The gate outlives the server.
inline ScriptedServer::Script once_open(Gate& gate, const std::string& bytes) {
  return [&gate, bytes](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) {
      gate.wait();
      peer.send(bytes);
    }
  };
}

}  // namespace kneepoint::agent
