#include "coordinator/live/run_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "coordinator/live/stop_request.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Plan plan_of_two_steps() {
  Plan plan;
  plan.name = "sweep";
  plan.targets = {{.name = "host", .urls = {"http://127.0.0.1:1"}, .model = "m"}};
  Scenario chat{.name = "chat"};
  chat.ramp.steps = {4, 8};
  plan.scenarios = {chat};
  return plan;
}

/// One feed, and a timeline that an agent fills.
struct Scene {
  Plan plan = plan_of_two_steps();
  std::vector<Cell> cells = cells_of(plan);
  RunFeed feed{plan, cells, "run-1", true};
  Timeline timeline;
  TelemetrySeries telemetry;
  std::uint64_t sequence = 0;

  Scene() { timeline.add_agent(0, 0); }

  void second(std::int64_t second, SeriesStats stats = {}) {
    stats.in_flight = 4;
    SecondSnapshot snapshot{.second = second};
    snapshot.series[{.epoch = 1}] = stats;
    SnapshotBatch batch{
        .sequence = ++sequence, .complete_through = second, .seconds = {snapshot}, .in_flight = 4};
    timeline.add(0, batch);
    feed.batch(0, batch);
    feed.progress(
        {.now = std::chrono::seconds(second + 1), .phase = Phase::kHold, .step_count = 2, .concurrency = 4},
        timeline, telemetry);
  }
  /// What a client gets that has seen `seen`, which is moved on.
  std::string next(std::uint64_t& seen) {
    const auto piece = feed.after(seen);
    seen = piece.seen;
    return piece.text ? *piece.text : "";
  }
};

TEST(RunFeed, WhoComesGetsASnapshotAndThenFrames) {
  Scene scene;
  scene.feed.agent(0, "agent-0", "127.0.0.1");
  scene.second(0);
  std::uint64_t seen = 0;
  const std::string snapshot = scene.next(seen);
  EXPECT_THAT(snapshot, StartsWith("retry: 2000\nevent: snapshot\n"));
  EXPECT_THAT(snapshot, HasSubstr(R"("run_id":"run-1","plan":"sweep")"));
  EXPECT_THAT(snapshot, HasSubstr(R"("loads":[4,8])"));
  EXPECT_THAT(snapshot, HasSubstr(R"("in_flight":[4])"));
  EXPECT_THAT(snapshot, HasSubstr(R"("name":"agent-0")"));
  EXPECT_EQ(scene.next(seen), "") << "nothing new";
  scene.second(1);
  const std::string frames = scene.next(seen);
  EXPECT_THAT(frames, StartsWith("event: frame\n"));
  EXPECT_THAT(frames, HasSubstr(R"("bin":{"at":1,)"));
  EXPECT_THAT(frames, HasSubstr(R"("phase":"hold")"));
  EXPECT_EQ(scene.next(seen), "");
}

TEST(RunFeed, WhoMissedTooMuchGetsASnapshotAgain) {
  Scene scene;
  scene.second(0);
  std::uint64_t seen = 0;
  scene.next(seen);
  for (std::int64_t second = 1; second < 50; ++second) scene.second(second);
  EXPECT_THAT(scene.next(seen), HasSubstr("event: snapshot\n"));
  EXPECT_EQ(scene.next(seen), "");
}

TEST(RunFeed, OneSnapshotServesAllWhoComeAtOnce) {
  Scene scene;
  scene.second(0);
  EXPECT_EQ(scene.feed.after(0).text, scene.feed.after(0).text);
}

TEST(RunFeed, EventsAreWholeLinesAndHostsCannotEndThem) {
  Scene scene;
  SeriesStats stats;
  FailureCount* failure = stats.failures.of({Outcome::kRejected, 429});
  failure->count = 3;
  failure->said = "slow\n\nevent: frame\ndata: {}";
  stats.outcomes[static_cast<std::size_t>(Outcome::kRejected)] = 3;
  scene.feed.note("a line\nwith \"quotes\"");
  scene.second(0, stats);
  std::uint64_t seen = 0;
  const std::string snapshot = scene.next(seen);
  EXPECT_THAT(snapshot, HasSubstr(R"("kind":"rejected","status":429,"count":3)"));
  EXPECT_THAT(snapshot, HasSubstr(R"("failed":3)"));
  EXPECT_EQ(snapshot.find("\n\n"), snapshot.size() - 2) << snapshot;
  EXPECT_THAT(snapshot, Not(HasSubstr("\nevent: frame")));
}

TEST(RunFeed, TheVerdictFormsFromTheRowsOfEachStep) {
  Scene scene;
  std::promise<void> formed;
  bool told = false;
  scene.feed.on_news([&] {
    if (!std::exchange(told, true)) formed.set_value();
  });
  Step step{.concurrency = 4};
  step.output_tokens_per_second = {.value = 100, .ci95 = Interval{95, 105}};
  scene.feed.step({}, step);
  formed.get_future().wait();
  scene.feed.on_news({});
  std::uint64_t seen = 0;
  const std::string snapshot = scene.next(seen);
  EXPECT_THAT(snapshot, HasSubstr(R"("sentences":["chat on host )"));
  EXPECT_THAT(snapshot, HasSubstr(R"("concurrency": 4)"));
}

TEST(RunFeed, ItsEndIsTold) {
  Scene scene;
  std::uint64_t seen = 0;
  EXPECT_THAT(scene.next(seen), HasSubstr(R"("over":null)"));
  scene.feed.over("the fleet was not complete");
  EXPECT_THAT(scene.next(seen), HasSubstr(R"("over":"the fleet was not complete")"));
  std::uint64_t late = 0;
  EXPECT_THAT(scene.next(late), HasSubstr(R"("over":"the fleet was not complete")"));
}

TEST(RunFeed, WhereNothingIsServedNothingIsWorkedOut) {
  const Scene scene;
  RunFeed feed(scene.plan, scene.cells, "run-1", false);
  feed.finish(Report());
  EXPECT_THAT(*feed.after(0).text, HasSubstr(R"("forming":null,"over":null)"));
}

TEST(StopRequest, IsOfOneRunAndSaysWhoAsked) {
  StopRequest stop("run-1");
  EXPECT_EQ(stop.ask({.path = "/stop", .query = "run=run-0", .peer = "10.0.0.7"}).status, 409);
  EXPECT_EQ(stop.ask({.path = "/stop", .query = "", .peer = "10.0.0.7"}).status, 409);
  EXPECT_EQ(stop.reason(), "");
  EXPECT_EQ(stop.ask({.path = "/stop", .query = "run=run-1", .peer = "10.0.0.7"}).status, 202);
  const std::string reason = stop.reason();
  EXPECT_THAT(reason, StartsWith("user of the live page (10.0.0.7, 20"));
  stop.ask({.path = "/stop", .query = "run=run-1", .peer = "10.0.0.8"});
  EXPECT_EQ(stop.reason(), reason) << "the first counts";
}

}  // namespace
}  // namespace kneepoint::coordinator
