#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "agent/load/arrival_queue.h"
#include "agent/load/arrival_schedule.h"
#include "engine_fixture.h"
#include "tests/support/levels.h"

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = ArrivalProcess::Kind;

std::vector<double> gaps(const ArrivalProcess& process, std::size_t n, std::uint64_t seed = 7) {
  ArrivalSchedule schedule(process, seed);
  std::vector<double> gaps;
  Nanos before{0};
  for (std::size_t i = 0; i < n; ++i) {
    const Nanos at = *schedule.next();
    gaps.push_back(to_seconds(at - before));
    before = at;
  }
  return gaps;
}

struct Spread {
  double mean = 0, variation = 0;  // the deviation over the mean
};
Spread spread_of(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double v : values) sum += v, squares += v * v;
  const auto n = static_cast<double>(values.size());
  const double mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean) / mean};
}

TEST(ArrivalQueue, AMillionMayWaitAndTheOthersComeAsThoseAreServed) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  const std::vector<Cell> cells(1);
  const MonoTime zero = mono_now() - seconds(10);
  Recorder recorder(zero, zero, cells);
  Timers timers;
  ArrivalQueue queue(timers, recorder, [] {});
  queue.follow({.schedule = ArrivalSchedule({.kind = Kind::kConstant, .rate = 1e6}, 1),
                .begin = mono_now() - seconds(2),
                .key = {.epoch = 1},
                .mine = [](std::uint64_t) { return true; }});
  std::uint64_t next = 0;
  const auto take_all = [&] {
    const std::uint64_t first = next;
    for (; !queue.empty(); ++next) {
      if (queue.take().index != next) ADD_FAILURE() << "out of order";
    }
    return next - first;
  };
  EXPECT_EQ(take_all(), kMost) << "two million were due";
  timers.fire_due(timers.next());
  EXPECT_GT(take_all(), kMost / 2) << "none is lost";
  queue.stop();
}

TEST(ArrivalSchedule, AConstantRateIsEven) {
  ArrivalSchedule schedule({.kind = Kind::kConstant, .rate = 8}, 1);
  EXPECT_EQ(schedule.next(), Nanos(0));
  EXPECT_EQ(schedule.next(), milliseconds(125));
  for (int i = 2; i < 8000; ++i) schedule.next();
  EXPECT_EQ(schedule.next(), seconds(1000));
}

TEST(ArrivalSchedule, PoissonGapsAreExponential) {
  const auto values = gaps({.kind = Kind::kPoisson, .rate = 50}, 20'000);
  const Spread spread = spread_of(values);
  EXPECT_NEAR(spread.mean, 0.02, 0.0005);
  EXPECT_NEAR(spread.variation, 1, 0.03);
  const auto long_ones = std::count_if(values.begin(), values.end(), [](double v) { return v > 0.04; });
  EXPECT_NEAR(static_cast<double>(long_ones) / 20'000, std::exp(-2.0), 0.01);
}

TEST(ArrivalSchedule, GammaGapsVaryAsBurstinessSays) {
  for (const double burstiness : {0.25, 1.0, 4.0}) {
    const Spread spread =
        spread_of(gaps({.kind = Kind::kGamma, .rate = 50, .burstiness = burstiness}, 40'000));
    EXPECT_NEAR(spread.mean, 0.02, 0.001) << burstiness;
    EXPECT_NEAR(spread.variation, 1 / std::sqrt(burstiness), 0.05 / std::sqrt(burstiness)) << burstiness;
  }
}

/// Arrivals in each of the first `n` stretches of ten seconds.
std::vector<double> counts_by_ten_seconds(const ArrivalProcess& process, std::size_t n) {
  ArrivalSchedule schedule(process, 7);
  std::vector<double> counts(n);
  Nanos before{0};
  while (true) {
    const Nanos at = *schedule.next();
    EXPECT_GE(at, before);
    before = at;
    const auto stretch = static_cast<std::size_t>(at / seconds(10));
    if (stretch >= n) return counts;
    ++counts[stretch];
  }
}

TEST(ArrivalSchedule, AMovingRateIsOnItsLineAndStaysAtItsEnd) {
  const ArrivalProcess up{.kind = Kind::kConstant, .rate = 10, .over = seconds(30), .end_rate = 70};
  // 10 to 30, to 50, to 70 a second, then 70.
  EXPECT_EQ(counts_by_ten_seconds(up, 4), (std::vector<double>{200, 400, 600, 700}));
  const ArrivalProcess down{.kind = Kind::kConstant, .rate = 70, .over = seconds(30), .end_rate = 10};
  EXPECT_EQ(counts_by_ten_seconds(down, 4), (std::vector<double>{600, 400, 200, 100}));
  // Slower than one in ten seconds in the end: no arrival is made up at the turn.
  const ArrivalProcess out{.kind = Kind::kConstant, .rate = 2, .over = seconds(10), .end_rate = 0.001};
  const auto few = counts_by_ten_seconds(out, 20);
  EXPECT_EQ(few[0], 11);
  EXPECT_EQ(std::accumulate(few.begin() + 1, few.end(), 0.0), 0);
}

TEST(ArrivalSchedule, RandomGapsFollowAMovingRate) {
  for (const Kind kind : {Kind::kPoisson, Kind::kGamma}) {
    const auto counts = counts_by_ten_seconds(
        {.kind = kind, .rate = 1000, .burstiness = 0.5, .over = seconds(30), .end_rate = 100}, 3);
    const double expected[] = {8500, 5500, 2500};
    // Of a gamma process of shape 0.5 counts vary twice as much as Poisson's.
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(counts[i], expected[i], 5 * std::sqrt(2 * expected[i]));
  }
}

TEST(ArrivalSchedule, TheSeedDecides) {
  const ArrivalProcess process{.kind = Kind::kPoisson, .rate = 50};
  EXPECT_EQ(gaps(process, 100, 1), gaps(process, 100, 1));
  EXPECT_NE(gaps(process, 100, 1), gaps(process, 100, 2));
}

TEST(ArrivalSchedule, ATraceIsReplayedOnceAtItsScale) {
  auto trace = std::make_shared<Dataset>();
  trace->classes = {"all"};
  for (const int at : {0, 10, 30}) trace->entries.push_back({.input_tokens = 1, .arrival = seconds(at)});
  ArrivalSchedule schedule({.kind = Kind::kTrace, .rate = 1}, 1, trace, 0.5);
  EXPECT_EQ(schedule.next(), seconds(0));
  EXPECT_EQ(schedule.next(), seconds(5));
  EXPECT_EQ(schedule.next(), seconds(15));
  EXPECT_EQ(schedule.next(), std::nullopt);
}

class OpenLoopTest : public EngineTest {
 protected:
  LoadLevel level(double rate, std::uint32_t max_in_flight) const {
    return {.epoch = 1,
            .concurrency = max_in_flight,
            .effective_at = elapsed(),
            .arrivals = ArrivalProcess{.kind = Kind::kPoisson, .rate = rate}};
  }
  std::uint64_t arrivals() const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += stats.arrivals;
    return sum;
  }
  std::uint64_t completed() const {
    std::uint64_t sum = 0;
    for (const auto& [key, stats] : series_) sum += stats.completed();
    return sum;
  }
  void end_load() {
    controller_->apply({.epoch = 9, .concurrency = 0, .effective_at = elapsed()});
    collect_until([&] { return controller_->idle(); });
  }
  static std::set<std::string> ids_of(const std::vector<std::string>& requests) {
    std::set<std::string> ids;
    for (const std::string& request : requests) {
      const auto at = request.find("X-Request-Id: ") + 14;
      ids.insert(request.substr(at, request.find('\r', at) - at));
    }
    return ids;
  }
};

TEST_F(OpenLoopTest, EveryArrivalIsSentOnceWhateverTheThreads) {
  ScriptedServer server(always(answer(2)));
  target().urls = {server.url()};
  start(3);
  controller_->apply(level(400, 64));
  collect_until([&] { return arrivals() >= 200; });
  end_load();
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.arrivals, stats.started);
  EXPECT_EQ(stats.started, stats.completed());
  EXPECT_EQ(stats.ttft_intended.count(), stats.ttft.count());
  EXPECT_EQ(stats.e2e_intended.count(), stats.completed());
  EXPECT_GE(stats.ttft_intended.sum_seconds(), stats.ttft.sum_seconds());
  const auto ids = ids_of(server.requests());
  EXPECT_EQ(ids.size(), stats.started);
  for (std::size_t k = 0; k + 10 < ids.size(); ++k)
    EXPECT_TRUE(ids.contains("test-0-1-0-" + std::to_string(k))) << k;
}

TEST_F(OpenLoopTest, TheSharesOfAgentsMakeTheWhole) {
  ScriptedServer server(always(answer(1)));
  target().urls = {server.url()};
  for (std::uint32_t agent = 0; agent < 2; ++agent) {
    start(2);
    const std::uint64_t before = arrivals();
    controller_->apply(part_of(level(400, 6), agent, 2, 2));
    collect_until([&] { return arrivals() >= before + 50; });
    end_load();
    collect_all();
    controller_.reset();
  }
  const auto ids = ids_of(server.requests());
  EXPECT_EQ(ids.size(), server.requests().size()) << "no arrival was sent by both";
  for (std::size_t k = 0; k < 90; ++k) EXPECT_TRUE(ids.contains("test-0-1-0-" + std::to_string(k))) << k;
}

TEST_F(OpenLoopTest, ArrivalsFollowTheShares) {
  ScriptedServer server(always(answer(1)));
  target().urls = {server.url()};
  start(2);
  LoadLevel now = level(400, 8);
  now.shares = 4;
  const auto go_on = [&](std::uint64_t epoch, std::vector<std::vector<std::uint32_t>> held) {
    now.epoch = epoch, now.held = std::move(held), now.effective_at = elapsed();
    controller_->apply(now);
    collect_until([&, before = arrivals()] { return arrivals() >= before + 60; });
  };
  go_on(1, {{0}, {1}});
  go_on(2, {{0, 2}, {1}});
  go_on(3, {{2}, {}});
  end_load();
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.arrivals, stats.completed());
  const auto ids = ids_of(server.requests());
  EXPECT_EQ(ids.size(), server.requests().size()) << "none was sent twice";
  const std::map<std::uint64_t, std::set<std::uint64_t>> held{{1, {0, 1}}, {2, {0, 1, 2}}, {3, {2}}};
  for (const auto& [epoch, shares] : held) {
    for (std::uint64_t k = 0; k < 40; ++k) {
      const bool sent = ids.contains("test-0-" + std::to_string(epoch) + "-0-" + std::to_string(k));
      EXPECT_EQ(sent, shares.contains(k % 4)) << "arrival " << k << " of level " << epoch;
    }
  }
}

TEST_F(OpenLoopTest, ArrivalsWaitWhereTooManyAreInFlight) {
  Gate answered;
  ScriptedServer slow(once_open(answered, answer(1)));
  target().urls = {slow.url()};
  start();
  controller_->apply(level(200, 3));
  collect_until([&] { return arrivals() >= 40; });
  EXPECT_EQ(gauges_.in_flight, 3u);
  answered.open();
  const std::uint64_t so_far = arrivals();
  collect_until([&] { return completed() >= so_far; });
  end_load();
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.arrivals, stats.started) << "none was dropped";
  EXPECT_GT(stats.backlog, 0.5);
  EXPECT_GT(*stats.ttft_intended.mean_seconds(), 2 * *stats.ttft.mean_seconds())
      << "the wait for a slot counts from the intended start only";
  EXPECT_LT(*generator_.send_lag.quantile_seconds(0.5), 0.02) << "and is no send lag";
}

TEST_F(OpenLoopTest, LimitsCountFromTheIntendedStart) {
  Gate answered;
  ScriptedServer slow(once_open(answered, answer(1)));
  target().urls = {slow.url()};
  assignment_.cells[0].slo = {{.metric = SloMetric::kE2e, .limit = milliseconds(100)}};
  start();
  controller_->apply(level(100, 1));
  collect_until([&] { return arrivals() >= 40; });
  answered.open();
  collect_until([&] { return completed() >= 40; });
  end_load();
  EXPECT_GE(collect_all().slo.at(0).missed, 20u) << "all but one were answered at once, but started late";
}

TEST_F(OpenLoopTest, AnArrivalMayBeASessionWhoseTurnsFollowEachOther) {
  ScriptedServer server(always(answer(1)));
  target().urls = {server.url()};
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 3, .think_time = 0.05};
  start(2);
  controller_->apply(level(100, 64));
  collect_until([&] { return completed() >= 150; });
  end_load();
  const SeriesStats stats = collect_all();
  std::map<std::uint32_t, SeriesStats> turns;
  for (const auto& [key, each] : series_) turns[key.turn].merge(each);
  EXPECT_EQ(turns.size(), 3u);
  EXPECT_GE(turns[0].arrivals, turns[1].arrivals);
  EXPECT_GE(turns[1].arrivals, turns[2].arrivals);
  EXPECT_GT(turns[2].arrivals, 20u);
  for (const std::uint32_t later : {1, 2})
    EXPECT_EQ(turns[later].arrivals, turns[later].started) << "due when it has been thought about";
  EXPECT_GT(stats.thinking, 0.05 * static_cast<double>(turns[1].started)) << "at least so long each";
  const auto ids = ids_of(server.requests());
  EXPECT_EQ(ids.size(), server.requests().size());
  for (std::size_t k = 0; k < 10; ++k) {
    for (int turn = 0; turn < 3; ++turn)
      EXPECT_TRUE(ids.contains(fmt::format("test-0-1-{}-{}", turn, k))) << k << " turn " << turn;
  }
}

TEST_F(OpenLoopTest, AFailedTurnEndsItsSession) {
  ScriptedServer server(always(response("400 Bad Request", "{}")));
  target().urls = {server.url()};
  workload().classes = {{"all", {}, 1}};
  workload().synthetic = Synthetic{.input_tokens = 3};
  workload().conversation = Conversation{.turns = 3};
  start();
  controller_->apply(level(200, 8));
  collect_until([&] {
    std::uint64_t started = 0;
    for (const auto& [key, stats] : series_) started += stats.started;
    return started >= 40;
  });
  end_load();
  const SeriesStats stats = collect_all();
  EXPECT_GT(stats.started, 16u) << "the eight slots are free again";
  for (const auto& [key, each] : series_) EXPECT_EQ(key.turn, 0u);
}

TEST_F(OpenLoopTest, RequestsGoToReplicasInTurn) {
  ScriptedServer first(always(answer(1))), second(always(answer(1)));
  target().urls = {first.url(), second.url()};
  start();
  controller_->apply(level(300, 32));
  collect_until([&] { return arrivals() >= 100; });
  end_load();
  const SeriesStats stats = collect_all();
  EXPECT_EQ(stats.started, stats.completed());
  const auto difference =
      static_cast<double>(first.requests().size()) - static_cast<double>(second.requests().size());
  EXPECT_LE(std::abs(difference), 1);
  EXPECT_LE(first.connections() + second.connections(), 64);
}

}  // namespace
}  // namespace kneepoint::agent
