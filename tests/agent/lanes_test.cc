#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "agent/prompts/session_turns.h"
#include "engine_fixture.h"
#include "tests/support/levels.h"

// Sessions whose turns run beside each other and wait for each other.
namespace kneepoint::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// One that forks after its first turn and joins before its last.
DatasetEntry forked(std::vector<Nanos> gaps = {}) {
  return {.input_tokens = 10,
          .output_tokens = 1,
          .later = {{20, 1, {}, {0}}, {30, 1, {}, {0}}, {40, 1, {}, {1, 2}}},
          .gaps = std::move(gaps),
          .lanes = 2};
}

std::vector<std::uint32_t> all_ready(SessionTurns& turns) {
  std::vector<std::uint32_t> ready;
  while (const auto turn = turns.next()) ready.push_back(*turn);
  return ready;
}
using Turns = std::vector<std::uint32_t>;

TEST(SessionTurns, ATurnBeginsWhenAllThatItWaitsForHaveEnded) {
  const DatasetEntry entry = forked();
  SessionTurns turns;
  turns.begin(entry, 4);
  EXPECT_EQ(all_ready(turns), Turns{});
  turns.ended(0);
  EXPECT_EQ(all_ready(turns), (Turns{1, 2}));
  turns.ended(2);
  EXPECT_EQ(all_ready(turns), Turns{});
  turns.ended(1);
  EXPECT_EQ(all_ready(turns), Turns{3});
}

TEST(SessionTurns, SomeBeginWithTheSession) {
  DatasetEntry entry = forked();
  entry.later[1].after.clear();
  SessionTurns turns;
  turns.begin(entry, 4);
  EXPECT_EQ(all_ready(turns), Turns{2});
}

TEST(SessionTurns, OfASessionCutShortTheOthersAreMissing) {
  const DatasetEntry entry = forked();
  SessionTurns turns;
  turns.begin(entry, 2);
  turns.ended(0);
  EXPECT_EQ(all_ready(turns), Turns{1});
  turns.ended(1);
  EXPECT_EQ(all_ready(turns), Turns{});
}

TEST(SessionTurns, NoMoreThanItsLanesRunAtOnce) {
  DatasetEntry entry = forked();
  entry.later[2].after = {0};
  SessionTurns turns;
  turns.begin(entry, 4);
  turns.ended(0);
  EXPECT_EQ(turns.next_beside(1), 1u);
  EXPECT_EQ(turns.next_beside(2), std::nullopt);
  EXPECT_EQ(turns.next(), 2u) << "a lane that is free takes it";
}

TEST(SessionTurns, NothingBeginsOnceItIsAbandoned) {
  const DatasetEntry entry = forked();
  SessionTurns turns;
  turns.begin(entry, 4);
  turns.ended(0);
  turns.abandon();
  turns.ended(1);
  turns.ended(2);
  EXPECT_EQ(all_ready(turns), Turns{});
}

class Lanes : public EngineTest {
 protected:
  void sessions(DatasetEntry entry) {
    Dataset dataset{.classes = {"default"}, .entries = {std::move(entry)}, .block_tokens = 16};
    assignment_.datasets["h"] = std::make_shared<const Dataset>(std::move(dataset));
    workload().classes = {{"default", {}, 1}};
    workload().dataset =
        DatasetUse{.hash = "h", .bytes = 1, .order = DatasetOrder::kSequential, .lengths_only = true};
    workload().conversation = Conversation{};
  }
  void serve(ScriptedServer::Script script) {
    server_ = std::make_unique<ScriptedServer>(std::move(script));
    target().urls = {server_->url()};
  }
  /// Calls `on_request` with the number of the turn that the prompt's length shows, then answers.
  void serve_turns(std::function<void(std::size_t turn)> on_request) {
    serve([on_request = std::move(on_request)](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) {
        on_request(turn_of(request));
        peer.send(answer(1));
      }
    });
  }
  static std::size_t turn_of(const std::string& request) {
    const auto from = request.find(R"("content":")") + 11;
    const auto text = std::string_view(request).substr(from, request.find('"', from) - from);
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ') + 5) / 10 - 1;
  }
  std::map<std::uint32_t, std::uint64_t> started() const {
    std::map<std::uint32_t, std::uint64_t> by_turn;
    for (const auto& [key, stats] : series_) by_turn[key.turn] += stats.started;
    return by_turn;
  }
  std::set<std::string> ids() const {
    std::set<std::string> ids;
    for (const std::string& request : server_->requests()) {
      const auto at = request.find("X-Request-Id: ") + 14;
      ids.insert(request.substr(at, request.find('\r', at) - at));
    }
    return ids;
  }
  void end_load() {
    controller_->apply({.epoch = 9, .concurrency = 0, .effective_at = elapsed()});
    collect_until([&] { return controller_->idle(); });
  }

  /// One session, whose two lanes have been asked and get no answer until `answered_` opens.
  void start_and_hold_both_lanes() {
    serve_turns([this](std::size_t turn) {
      if (turn == 0) return;
      if (++asked_ == 2) both_.open();
      answered_.wait();
    });
    sessions(forked());
    start();
    controller_->apply({.epoch = 1, .concurrency = 1, .effective_at = elapsed()});
    ASSERT_TRUE(both_.wait());
  }

  Gate both_, answered_;
  std::atomic<int> asked_{0};
  std::unique_ptr<ScriptedServer> server_;
};
using ByTurn = std::map<std::uint32_t, std::uint64_t>;

TEST_F(Lanes, TurnsThatWaitForTheSameRunBesideEachOtherAndAreWaitedFor) {
  Gate came[2];
  std::atomic<int> ended{0}, joined{-1};
  std::atomic<bool> together{true};
  serve_turns([&](std::size_t turn) {
    if (turn == 1 || turn == 2) {
      came[turn - 1].open();
      if (!came[2 - turn].wait())
        together = false;  // the other one must be there before this one is answered
      ++ended;
    }
    if (turn == 3) joined = ended.load();
  });
  sessions(forked());
  const SeriesStats stats = run(4);
  EXPECT_EQ(stats.completed(), 4u);
  EXPECT_TRUE(together);
  EXPECT_EQ(joined, 2);
  EXPECT_EQ(started(), (ByTurn{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  EXPECT_EQ(ids().size(), 4u);
  EXPECT_GT(stats.beside, 0);
  EXPECT_LE(stats.beside, stats.in_flight);
}

TEST_F(Lanes, ASlotRunsOneSessionAfterTheOther) {
  serve_turns([](std::size_t) {});
  sessions(forked());
  EXPECT_EQ(run(16, 2).completed(), 16u);
  EXPECT_EQ(started(), (ByTurn{{0, 4}, {1, 4}, {2, 4}, {3, 4}}));
  EXPECT_EQ(ids().size(), 16u);
}

TEST_F(Lanes, LanesUseConnectionsAgain) {
  std::atomic<int> connections{0};
  serve([&](ScriptedServer::Peer& peer, int) {
    ++connections;
    while (!peer.read_request().empty()) peer.send(answer(1));
  });
  sessions(forked());
  EXPECT_EQ(run(80).completed(), 80u);
  EXPECT_LE(connections, 2) << "twenty sessions of two lanes";
}

TEST_F(Lanes, WhatASlotHasInFlightBesideItsFirstIsTold) {
  start_and_hold_both_lanes();
  collect();
  EXPECT_EQ(gauges_.in_flight, 2u);
  EXPECT_EQ(gauges_.in_flight_beside, 1u);
  controller_->apply({.epoch = 9, .concurrency = 0, .effective_at = elapsed()});
  answered_.open();
  collect_until([&] { return controller_->idle(); });
  collect();
  EXPECT_EQ(gauges_.in_flight_beside, 0u);
}

TEST_F(Lanes, ABudgetMayEndBetweenLanes) {
  serve_turns([](std::size_t) {});
  sessions(forked());
  EXPECT_EQ(run(2).completed(), 2u) << "and the level is over";
}

TEST_F(Lanes, LanesThatThinkCountAsThinking) {
  serve_turns([](std::size_t) {});
  sessions(forked({milliseconds(200), milliseconds(200), milliseconds(0)}));
  const SeriesStats stats = run(4);
  EXPECT_GE(stats.thinking, 0.39) << "two lanes";
  EXPECT_GE(stats.beside, 0.19);
  EXPECT_EQ(started()[3], 1u);
}

TEST_F(Lanes, AFailedTurnEndsTheSessionAndNobodyWaitsForTheOthers) {
  serve([](ScriptedServer::Peer& peer, int) {
    for (std::string request; !(request = peer.read_request()).empty();)
      peer.send(turn_of(request) == 1 ? response("400 Bad Request", "{}") : answer(1));
  });
  sessions(forked({milliseconds(0), hours(1), milliseconds(0)}));
  const SeriesStats stats = run(4);
  EXPECT_EQ(stats.completed(), 2u);
  EXPECT_EQ(started(), (ByTurn{{0, 2}, {1, 2}}));
}

TEST_F(Lanes, TheEndOfTheLoadEndsThem) {
  start_and_hold_both_lanes();
  controller_->drain(Nanos(0));
  collect_until([&] { return controller_->idle(); });
  answered_.open();
  const SeriesStats stats = collect_all();
  EXPECT_EQ(count(stats, Outcome::kCancelled), 2u);
  EXPECT_EQ(started()[3], 0u);
}

TEST_F(Lanes, ALevelThatEndsLeavesThemToFinishAndNothingElseBegins) {
  start_and_hold_both_lanes();
  controller_->apply({.epoch = 9, .concurrency = 0, .effective_at = elapsed()});
  collect();  // behind the level, on the load thread
  answered_.open();
  collect_until([&] { return controller_->idle(); });
  EXPECT_EQ(collect_all().completed(), 3u);
  EXPECT_EQ(started()[3], 0u);
}

TEST_F(Lanes, ArrivalsHaveThemToo) {
  serve_turns([](std::size_t) {});
  sessions(forked());
  start(2);
  controller_->apply({.epoch = 1,
                      .concurrency = 64,
                      .effective_at = elapsed(),
                      .arrivals = ArrivalProcess{.kind = ArrivalProcess::Kind::kConstant, .rate = 100}});
  collect_until([&] { return started()[3] >= 20; });
  end_load();
  collect_all();
  ByTurn arrivals;
  for (const auto& [key, stats] : series_) arrivals[key.turn] += stats.arrivals;
  EXPECT_EQ(arrivals[1], started()[1]);
  EXPECT_EQ(ids().size(), server_->requests().size());
  for (int turn = 0; turn < 4; ++turn) EXPECT_TRUE(ids().contains("test-0-1-" + std::to_string(turn) + "-3"));
}

}  // namespace
}  // namespace kneepoint::agent
