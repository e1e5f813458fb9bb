#include <map>
#include <set>

#include "agent/load/pacer.h"
#include "engine_fixture.h"
#include "tests/support/levels.h"

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Levels : public EngineTest {
 protected:
  Levels() : server_(always(answer(2))) { target().urls = {server_.url()}; }

  /// Lets the load run until `completed` requests of this epoch have been collected.
  void wait_for_completed(std::uint64_t epoch, std::uint64_t completed) {
    collect_until([&] { return completed_in(epoch) >= completed; });
  }
  std::uint64_t completed_in(std::uint64_t epoch) const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += key.epoch == epoch ? stats.completed() : 0;
    return sum;
  }
  static std::string id_of(const std::string& request) {
    const auto at = request.find("X-Request-Id: ") + 14;
    return request.substr(at, request.find('\r', at) - at);
  }

  ScriptedServer server_;
};

TEST_F(Levels, ABudgetIsExact) {
  for (const std::uint32_t concurrency : {1u, 4u, 7u}) {
    SCOPED_TRACE(concurrency);
    series_.clear();
    start(2);
    const SeriesStats stats = run(30, concurrency);
    EXPECT_EQ(stats.completed(), 30u);
    EXPECT_EQ(stats.started, 30u);
    done_.clear();
    controller_.reset();
  }
  std::set<std::string> ids;
  for (const std::string& request : server_.requests()) ids.insert(id_of(request));
  EXPECT_TRUE(ids.contains("test-0-1-6-3")) << "slot 6 of 7 issues indices 6, 13, 20 and 27";
  EXPECT_FALSE(ids.contains("test-0-1-2-10"));
}

TEST_F(Levels, ABudgetSmallerThanTheConcurrency) {
  start(2);
  const SeriesStats stats = run(3, 8);
  EXPECT_EQ(stats.completed(), 3u);
}

TEST_F(Levels, TheShareOfABudget) {
  start(2);
  // This agent has slots 1, 3 and 5 of six; they issue the odd ones of 20 indices.
  controller_->apply(
      part_of({.epoch = 1, .concurrency = 6, .effective_at = elapsed(), .budget = 20}, 1, 2, 2));
  const LevelDone done = wait_for_level(1);
  EXPECT_EQ(collect_all().completed(), 10u);
  EXPECT_GT(done.finished_at, milliseconds(500));
  EXPECT_LT(done.finished_at, elapsed());
}

TEST_F(Levels, AnEmptyShareIsDoneAtOnce) {
  start();
  controller_->apply(part_of({.epoch = 4, .concurrency = 2, .effective_at = elapsed(), .budget = 20}, 5, 6));
  wait_for_level(4);
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(Levels, BudgetedClassesAreMetExactly) {
  workload().classes = {{"short", {"a"}, 1}, {"medium", {"b"}, 1}, {"long", {"c"}, 1}};
  start();
  run(30, 3);
  ASSERT_EQ(series_.size(), 3u);
  for (const auto& [key, stats] : series_) EXPECT_EQ(stats.completed(), 10u) << key.prompt_class;
}

TEST_F(Levels, RisingAndFallingKeepsTheConnections) {
  start(2);
  controller_->apply({.epoch = 1, .concurrency = 2, .effective_at = elapsed()});
  wait_for_completed(1, 20);
  EXPECT_EQ(gauges_.active_slots, 2u);
  controller_->apply({.epoch = 2,
                      .concurrency = 6,
                      .effective_at = elapsed(),
                      .warm_slots = 2,
                      .spread_over = milliseconds(50)});
  wait_for_completed(2, 60);
  EXPECT_EQ(gauges_.active_slots, 6u);
  EXPECT_EQ(server_.connections(), 6) << "the first two slots kept theirs";
  controller_->apply({.epoch = 3, .concurrency = 1, .effective_at = elapsed(), .warm_slots = 6});
  wait_for_completed(3, 20);
  EXPECT_EQ(gauges_.active_slots, 1u);
  EXPECT_EQ(server_.connections(), 6);
  controller_->apply({.epoch = 4, .concurrency = 0, .effective_at = elapsed()});
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.ended(), stats.completed()) << "nothing was cut off";
  EXPECT_EQ(stats.started, stats.completed());
  EXPECT_EQ(stats.completed(), server_.requests().size());
}

TEST_F(Levels, AFallWithoutAStandEndsSlotsOneByOne) {
  assignment_.records = true;
  start(2);
  controller_->apply({.epoch = 1, .concurrency = 6, .effective_at = elapsed()});
  wait_for_completed(1, 60);
  const LoadLevel fall{.epoch = 2,
                       .concurrency = 2,
                       .effective_at = elapsed() + milliseconds(50),
                       .warm_slots = 6,
                       .spread_over = seconds(2)};
  controller_->apply(fall);
  collect_until([&] { return elapsed() > fall.effective_at && gauges_.active_slots == 2; });
  EXPECT_GE(elapsed(), slot_end(fall, 2)) << "two are left when the last of the surplus has ended";
  wait_for_completed(2, completed_in(2) + 20);
  controller_->apply({.epoch = 3, .concurrency = 0, .effective_at = elapsed()});
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.ended(), stats.completed()) << "nothing was cut off";
  std::map<std::uint32_t, Nanos> last;
  for (const RequestRow& row : rows_) last[row.slot] = std::max(last[row.slot], row.scheduled);
  for (const std::uint32_t slot : {5u, 4u, 3u, 2u}) EXPECT_LT(last[slot], slot_end(fall, slot)) << slot;
  EXPECT_GT(last[2], slot_end(fall, 5)) << "the others went on meanwhile";
  EXPECT_GT(last[1], slot_end(fall, 2));
  EXPECT_EQ(server_.connections(), 6);
}

TEST_F(Levels, SlotsThatComeFromElsewhereStartOneByOneWhileTheOthersGoOn) {
  assignment_.records = true;
  start(2);
  const LoadLevel before{.epoch = 1, .concurrency = 8, .shares = 4, .held = {{0}, {1}}};
  controller_->apply(before);
  wait_for_completed(1, 40);
  EXPECT_EQ(gauges_.active_slots, 4u);
  const LoadLevel more{.epoch = 2,
                       .concurrency = 8,
                       .shares = 4,
                       .held = {{0, 2}, {1}},
                       .effective_at = elapsed() + milliseconds(50),
                       .warm_slots = 8,
                       .spread_over = seconds(2)};
  controller_->apply(more);
  collect_until([&] {
    return std::any_of(rows_.begin(), rows_.end(),
                       [](const RequestRow& row) { return row.key.epoch == 2 && row.slot == 6; });
  });
  LoadLevel fewer = more;
  fewer.epoch = 3, fewer.held = before.held, fewer.effective_at = elapsed();
  controller_->apply(fewer);
  collect_until([&] { return gauges_.active_slots == 4; });
  controller_->apply({.epoch = 4, .concurrency = 0, .effective_at = elapsed()});
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.ended(), stats.completed()) << "nothing was cut off";
  EXPECT_EQ(server_.connections(), 6) << "those that stayed kept theirs";
  std::map<std::uint32_t, Nanos> first;
  for (const RequestRow& row : rows_) {
    if (row.key.epoch != 2) continue;
    Nanos& at = first.try_emplace(row.slot, row.scheduled).first->second;
    at = std::min(at, row.scheduled);
  }
  ASSERT_EQ(first.size(), 6u);
  EXPECT_GE(first[6], slot_start(more, 6));
  EXPECT_GE(first[2], slot_start(more, 2));
  for (const std::uint32_t slot : {0u, 1u, 4u, 5u}) EXPECT_LT(first[slot], first[2]) << slot;
}

TEST_F(Levels, AThinkingSlotEndsInItsTurn) {
  workload().think_time = 3600;
  start();
  controller_->apply({.epoch = 1, .concurrency = 3, .effective_at = elapsed()});
  wait_for_completed(1, 3);
  controller_->apply({.epoch = 2,
                      .concurrency = 1,
                      .effective_at = elapsed(),
                      .warm_slots = 3,
                      .spread_over = milliseconds(100)});
  collect_until([&] { return gauges_.active_slots == 1; });
  EXPECT_EQ(collect_all().completed(), 3u);
}

TEST_F(Levels, ALevelWaitsForItsInstant) {
  start();
  const Nanos effective = elapsed() + milliseconds(200);
  controller_->apply({.epoch = 1, .concurrency = 2, .effective_at = effective, .budget = 2});
  const LevelDone done = wait_for_level(1);
  EXPECT_GE(done.finished_at, effective);
  EXPECT_EQ(collect_all().completed(), 2u);
}

TEST_F(Levels, AnotherCellReplacesTheSlots) {
  assignment_.cells.push_back({.id = 1, .workload = workload()});
  start();
  controller_->apply({.epoch = 1, .cell = 0, .concurrency = 3, .effective_at = elapsed()});
  wait_for_completed(1, 10);
  controller_->apply({.epoch = 2, .cell = 1, .concurrency = 2, .effective_at = elapsed()});
  wait_for_completed(2, 10);
  EXPECT_EQ(gauges_.active_slots, 2u);
  for (const auto& [key, stats] : series_) EXPECT_EQ(key.cell, key.epoch - 1);
}

TEST_F(Levels, DrainingLetsRequestsFinish) {
  Gate answered;
  ScriptedServer slow(once_open(answered, answer(1)));
  target().urls = {slow.url()};
  start();
  controller_->apply({.epoch = 1, .concurrency = 3, .effective_at = elapsed()});
  collect_until([&] { return gauges_.in_flight == 3; });
  controller_->drain(seconds(10));
  EXPECT_FALSE(controller_->idle());
  answered.open();
  collect_until([&] { return controller_->idle(); });
  const SeriesStats stats = collect_all();
  EXPECT_GE(stats.completed(), 3u);
  EXPECT_EQ(stats.started, stats.completed()) << "none was cut off";
}

TEST_F(Levels, DrainingHasALimit) {
  ScriptedServer silent([](ScriptedServer::Peer& peer, int) { peer.wait_for_close(); });
  target().urls = {silent.url()};
  start();
  controller_->apply({.epoch = 1, .concurrency = 3, .effective_at = elapsed()});
  collect_until([&] { return gauges_.in_flight == 3; });
  controller_->drain(milliseconds(50));
  collect_until([&] { return controller_->idle(); });
  EXPECT_EQ(count(collect_all(), Outcome::kCancelled), 3u);
}

TEST_F(Levels, ADeadTargetIsNotHammered) {
  std::string url;
  {
    const ScriptedServer gone([](ScriptedServer::Peer&, int) {});
    url = gone.url();
  }
  target().urls = {url};
  start();
  controller_->apply({.epoch = 1, .concurrency = 1, .effective_at = elapsed()});
  collect_until([&] { return gauges_.backing_off == 1; });
  collect_until([&] { return complete_through_ >= 1; });
  const SeriesStats stats = collect_all();
  EXPECT_LE(stats.ended(), 6u) << "100, 200, 400, 800, 1600 ms apart";
  EXPECT_GE(stats.ended(), 2u);
  EXPECT_GT(stats.backing_off, 0.5);
}

TEST_F(Levels, StoppingAtOnceInTheMiddleOfEverything) {
  start(2);
  controller_->apply(
      {.epoch = 1, .concurrency = 50, .effective_at = elapsed(), .spread_over = milliseconds(100)});
  collect_until([&] { return gauges_.active_slots == 50 && server_.requests().size() > 20; });
  controller_.reset();
}

TEST_F(Levels, ManySlotsAreMadeInTurns) {
  start(2);
  const SeriesStats stats = run(600, 300);
  EXPECT_EQ(stats.completed(), 600u);
  EXPECT_EQ(server_.connections(), 300);
}

TEST_F(Levels, SlotsThatAreNotMadeYetNeverAre) {
  start();
  controller_->apply(
      {.epoch = 1, .concurrency = 20'000, .effective_at = elapsed(), .spread_over = seconds(3600)});
  controller_->drain(seconds(0));
  collect_until([&] { return controller_->idle(); });
  collect_all();
  EXPECT_EQ(gauges_.active_slots, 0u);
}

TEST_F(Levels, TheAgentMeasuresItself) {
  start(2);
  controller_->apply({.epoch = 1, .concurrency = 8, .effective_at = elapsed()});
  collect_until([&] { return complete_through_ >= 1; });
  EXPECT_GT(generator_.cpu_user + generator_.cpu_system, 0);
  EXPECT_GT(generator_.busiest_thread, 0);
  EXPECT_GT(generator_.loop_gap.count(), 0u);
  EXPECT_GT(generator_.rx_lag.count(), 0u);
  EXPECT_EQ(generator_.rx_lag.count(), generator_.reads - generator_.unstamped_reads);
}

}  // namespace
}  // namespace kneepoint::agent
