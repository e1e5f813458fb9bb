#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/measure/validity.h"
#include "coordinator/measure/window.h"
#include "coordinator/report/tables.h"
#include "coordinator/results/units.h"
#include "coordinator/verdict/build_report.h"
#include "coordinator/verdict/held_in_flight.h"
#include "coordinator/verdict/saturation.h"
#include "coordinator/verdict/slo.h"
#include "coordinator/words/answer.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

/// A valid open-loop row that delivers 64 tokens a request up to 40 requests a second.
Step rate_step(double rate) {
  Step step = scenes::known_step(512, 64 * std::min(rate, 40.0), 0.005);
  step.offered_rate = rate;
  step.achieved_concurrency = rate;
  return step;
}

std::vector<Step> scan() {
  std::vector<Step> steps;
  for (const double rate : {5, 10, 20, 40, 80}) steps.push_back(rate_step(rate));
  return steps;
}

TEST(OpenLoopAnalysis, TheKneeIsARate) {
  const std::vector<Step> steps = scan();
  const Saturation found = find_saturation(steps);
  ASSERT_TRUE(found.ci95);
  EXPECT_LE(found.ci95->low, 38) << "95 % of 40";
  EXPECT_EQ(found.ci95->high, 40);
  const std::string sentence =
      saturation_sentence({.target = "host", .scenario = "chat", .steps = steps, .saturation = found});
  EXPECT_THAT(sentence, HasSubstr("requests per second"));
  EXPECT_THAT(sentence, Not(HasSubstr("in flight")));
  EXPECT_THAT(found.explanation,
              HasSubstr("requests per second doubling the load begins to add less than 5 %"));
  EXPECT_THAT(found.explanation, Not(HasSubstr("in flight")));
}

TEST(OpenLoopAnalysis, SessionsAreCalledSessions) {
  std::vector<Step> steps;
  for (const std::uint32_t n : {10, 20, 26, 28, 30, 34, 40, 60, 80}) {
    steps.push_back(scenes::known_step(n, std::min(n, 30u) * 10.0));
    steps.back().thinking = n / 2.0;
    steps.back().achieved_concurrency = n / 2.0;
  }
  const Saturation found = find_saturation(steps);
  const Estimate held = held_in_flight(steps, found);
  ASSERT_TRUE(found.concurrency && held.value && held.ci95);
  EXPECT_NEAR(*held.value, *found.concurrency / 2, 1e-9);
  EXPECT_NEAR(held.ci95->high, found.ci95->high / 2, 1e-9);
  EXPECT_THAT(found.explanation, HasSubstr("requests in flight (")) << "of " << *held.value;
  EXPECT_THAT(found.explanation, HasSubstr("; 50 % of them think."));
  EXPECT_THAT(
      saturation_sentence({.target = "host", .scenario = "chat", .steps = steps, .saturation = found}),
      HasSubstr(" sessions"));
}

TEST(OpenLoopAnalysis, ARateThatWasNotReachedDoesNotHold) {
  std::vector<Step> steps = scan();
  for (Step& step : steps) step.slo = {{.name = "ttft_p95", .met = 1000, .state = "PASS"}};
  steps.back().warn("RATE_NOT_REACHED", "");
  const SloResult result = find_slo(steps, {{.metric = SloMetric::kTtft, .quantile = 0.95, .limit = 1s}});
  EXPECT_EQ(result.criteria[0].concurrency, 40);
  EXPECT_EQ(result.criteria[0].state, "INDETERMINATE");
  EXPECT_THAT(slo_sentence(result.criteria[0], LoadKind::kRate), HasSubstr("40/s"));
}

/// Requests of 0.5 s, at `rate` for 20 s from second 0 on.
scenes::KnownRun known_load(double rate, double backlog = 0) {
  scenes::KnownRun run;
  const SeriesKey key{.epoch = 1};
  const int n = static_cast<int>(rate * 20);
  for (int i = 0; i < n; ++i) {
    const double start = i / rate;
    run.add({.start = start,
             .chunks = {start + 0.1, start + 0.3, start + 0.5},
             .end = start + 0.5,
             .key = key,
             .usage_tokens = 3});
    SeriesStats& due = run.second(static_cast<std::int64_t>(start)).series[key];
    ++due.arrivals;
    due.ttft_intended.record(150ms);
  }
  for (int s = 0; s < 20; ++s) run.second(s).series[key].backlog = backlog;
  return run;
}

StepWindow window() {
  return {.concurrency = 64, .rate = 10, .epoch = 1, .begin = 4, .end = 18};
}

TEST(OpenLoopAnalysis, ARowSaysWhatWasOfferedAndWhatWasAchieved) {
  const Plan plan = scenes::simple_plan();
  const Step step = measure_step(known_load(10).timeline(20), plan, cells_of(plan)[0], window());
  EXPECT_TRUE(step.valid) << ::testing::PrintToString(step.reasons);
  EXPECT_EQ(step.offered_rate, 10);
  EXPECT_NEAR(*step.due_per_second, 10, 0.1);
  EXPECT_NEAR(*step.achieved_rate, 10, 0.1);
  EXPECT_EQ(step.backlog, 0);
  EXPECT_NEAR(*step.achieved_concurrency, 5, 0.1);
  EXPECT_NEAR(*step.ttft_intended_seconds.p50, 0.15, 0.001);
  EXPECT_NEAR(*step.ttft_seconds.p50, 0.1, 0.001);
  EXPECT_FALSE(step.has_flag("LOW_OCCUPANCY")) << "5 of at most 64";
  const Table table = open_loop_table({.steps = {step}});
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_EQ(table.rows[0][0], "10/s");
}

TEST(OpenLoopAnalysis, AClosedLoopHasNoSuchFigures) {
  const Plan plan = scenes::simple_plan();
  StepWindow closed = window();
  closed.rate.reset();
  const Step step = measure_step(known_load(10).timeline(20), plan, cells_of(plan)[0], closed);
  EXPECT_FALSE(step.offered_rate || step.due_per_second || step.achieved_rate || step.backlog);
  EXPECT_TRUE(open_loop_table({.steps = {step}}).rows.empty());
}

TEST(OpenLoopAnalysis, ABacklogIsTold) {
  const Plan plan = scenes::simple_plan();
  const Step step = measure_step(known_load(10, 3).timeline(20), plan, cells_of(plan)[0], window());
  EXPECT_TRUE(step.valid);
  EXPECT_TRUE(step.has_flag("BACKLOG"));
  EXPECT_NEAR(*step.backlog, 3, 1e-9);
  EXPECT_FALSE(step.has_flag("RATE_NOT_REACHED")) << "as many were started as were due";
}

TEST(OpenLoopAnalysis, DueAndNotStartedIsARateNotReached) {
  scenes::KnownRun run = known_load(10);
  for (int s = 0; s < 20; ++s) run.second(s).series[{.epoch = 1}].arrivals += 2;
  const Plan plan = scenes::simple_plan();
  const Step step = measure_step(run.timeline(20), plan, cells_of(plan)[0], window());
  EXPECT_TRUE(step.has_flag("RATE_NOT_REACHED"));
  EXPECT_TRUE(step.valid) << "it says what the host delivers";
}

/// Rates fall to 10 a second, but the host goes on serving 40 of the step before.
TEST(OpenLoopAnalysis, ServingTheStepBeforeIsNoRowOfItsRate) {
  const Plan plan = scenes::simple_plan();
  const Cell cell = cells_of(plan)[0];
  scenes::KnownRun waited = known_load(40);  // in the fleet, for a slot
  scenes::KnownRun queued = known_load(10);  // in the host
  for (int s = 0; s < 20; ++s) {
    waited.second(s).series[{.epoch = 1}].arrivals = 10;
    queued.second(s).series[{.epoch = 1}].outcomes[0] = 40;
  }
  for (const Timeline& timeline : {waited.timeline(20), queued.timeline(20)}) {
    Step step = measure_step(timeline, plan, cell, window());
    EXPECT_TRUE(step.has_flag("CATCHING_UP"));
    EXPECT_FALSE(step.valid);
    std::vector<Step> steps = scan();
    step.offered_rate = 2.5;
    steps.insert(steps.begin(), step);
    const Saturation with = find_saturation(steps);
    const Saturation without = find_saturation(scan());
    ASSERT_TRUE(with.ci95 && without.ci95);
    EXPECT_EQ(with.ci95->low, without.ci95->low) << "it is no point of the curve";
    EXPECT_EQ(with.ci95->high, without.ci95->high);
  }
  StepWindow moving = window();
  moving.moving = true;
  EXPECT_TRUE(measure_step(waited.timeline(20), plan, cell, moving).has_flag("CATCHING_UP"));
  EXPECT_FALSE(measure_step(queued.timeline(20), plan, cell, moving).has_flag("CATCHING_UP")) << "it lags";
}

TEST(OpenLoopAnalysis, PilingUpIsAnOverload) {
  scenes::KnownRun run = known_load(10);
  // Ever more requests that do not end.
  for (int s = 0; s < 20; ++s) run.second(s).series[{.epoch = 1}].in_flight += s;
  const Plan plan = scenes::simple_plan();
  const Step step = measure_step(run.timeline(20), plan, cells_of(plan)[0], window());
  EXPECT_TRUE(step.has_flag("OVERLOADED"));
  EXPECT_FALSE(step.has_flag("LITTLES_LAW"));
}

TEST(OpenLoopAnalysis, ARisingRateBringsMoreInFlightAndIsNoOverload) {
  const Plan plan = scenes::simple_plan();
  const auto survey = [&](double extra) {
    scenes::KnownRun run;
    // From 10 to 50 a second, 0.5 s each; then some of them do not end.
    double at = 0;
    while (at < 20) {
      const double end = at + 0.5 + extra * at;
      run.add({.start = at, .chunks = {at + 0.1, end}, .end = end, .key = {.epoch = 1}, .usage_tokens = 2});
      ++run.second(static_cast<std::int64_t>(at)).series[{.epoch = 1}].arrivals;
      at += 1 / (10 + 2 * at);
    }
    StepWindow moving = window();
    moving.moving = true;
    return measure_step(run.timeline(20), plan, cells_of(plan)[0], moving);
  };
  EXPECT_FALSE(survey(0).has_flag("OVERLOADED"));
  EXPECT_FALSE(survey(0).has_flag("LITTLES_LAW"));
  const Step past = survey(0.4);  // requests take ever longer
  EXPECT_TRUE(past.has_flag("OVERLOADED"));
  EXPECT_THAT(past.reasons, ::testing::Contains(HasSubstr("beyond what the rate did")));
}

/// Sessions of five requests of half a second, four seconds apart, from second 0 on: 64 of them think.
Step sessions_row(std::uint64_t seed, std::int64_t begin, std::int64_t end) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(4);
  scenes::KnownRun run;
  for (double begun = gap(random); begun < 80; begun += gap(random)) {
    double at = begun;
    for (std::uint32_t turn = 0; turn < 5; ++turn) {
      const double answered = at + 0.5;
      run.add({.start = at,
               .chunks = {at + 0.1, answered},
               .end = answered,
               .key = {.epoch = 1, .turn = turn},
               .usage_tokens = 2});
      ++run.second(static_cast<std::int64_t>(at)).series[{.epoch = 1, .turn = turn}].arrivals;
      at = answered + 4;
      for (double t = answered; turn < 4 && t < at; t += 0.125)
        run.second(static_cast<std::int64_t>(t)).series[{.epoch = 1, .turn = turn}].thinking += 0.125;
    }
  }
  Plan plan = scenes::simple_plan();
  plan.scenarios[0].workload.conversation = Conversation{.turns = 5, .think_time = 4};
  plan.scenarios[0].ramp.open = OpenLoop{.steps = {{.rate = 4}}, .max_in_flight = 512};
  StepWindow of = window();
  of.begin = begin, of.end = end, of.rate = 4;
  return measure_step(run.timeline(80), plan, cells_of(plan)[0], of);
}

TEST(OpenLoopAnalysis, SessionsThatAreStillFillingAreNoRowOfTheirRate) {
  const Step cold = sessions_row(1, 2, 32);
  EXPECT_TRUE(cold.has_flag("UNSTEADY"));
  EXPECT_FALSE(cold.valid);
  EXPECT_LT(*cold.due_per_second, 17) << "of 20 in the end";
  int flagged = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const Step settled = sessions_row(seed, 40, 70);
    flagged += settled.has_flag("UNSTEADY") ? 1 : 0;
    if (seed == 1) {
      EXPECT_NEAR(*settled.due_per_second, 20, 3);
      EXPECT_EQ(settled.load_kind(), LoadKind::kSessionRate);
      EXPECT_EQ(format_load(settled.load_kind(), settled.load()), "4 sessions per second");
    }
  }
  EXPECT_LE(flagged, 1);
}

/// Requests in flight last: seconds are alike by themselves, and a trend through them is chance.
TEST(OpenLoopAnalysis, ARateThatIsKeptUpWithIsRarelyAnOverload) {
  const Plan plan = scenes::simple_plan();
  constexpr int kRuns = 300;
  int flagged = 0;
  int catching_up = 0;
  for (int seed = 0; seed < kRuns; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    std::exponential_distribution<double> gap(2);
    std::uniform_real_distribution<double> residence(2.5, 7.5);
    scenes::KnownRun run;
    double at = gap(random);
    while (at < 48) {
      const double end = at + residence(random);
      run.add({.start = at, .chunks = {at + 0.1, end}, .end = end, .key = {.epoch = 1}, .usage_tokens = 2});
      ++run.second(static_cast<std::int64_t>(at)).series[{.epoch = 1}].arrivals;
      at += gap(random);
    }
    StepWindow long_enough = window();
    long_enough.begin = 16;
    long_enough.end = 46;
    const Step step = measure_step(run.timeline(60), plan, cells_of(plan)[0], long_enough);
    if (step.has_flag("OVERLOADED")) ++flagged;
    if (step.has_flag("CATCHING_UP")) ++catching_up;
  }
  EXPECT_LE(flagged, 0.05 * kRuns) << "by the seconds it was one in five";
  EXPECT_LE(catching_up, 0.01 * kRuns);
}

TEST(OpenLoopAnalysis, LateSendsAreAGate) {
  scenes::KnownRun run = known_load(10);
  for (int s = 0; s < 20; ++s) run.second(s).generator.send_lag.record(50ms, 10);
  const Plan plan = scenes::simple_plan();
  const Timeline timeline = run.timeline(20);
  EXPECT_TRUE(measure_step(timeline, plan, cells_of(plan)[0], window()).has_flag("CLIENT_BOUND"));
  StepWindow closed = window();
  closed.rate.reset();
  EXPECT_TRUE(measure_step(timeline, plan, cells_of(plan)[0], closed).has_flag("SEND_LAG"));
}

/// `n` requests of each of two named replicas behind one URL.
SnapshotBatch two_pods(std::uint64_t first, std::uint64_t second, std::uint64_t changes) {
  scenes::KnownRun run;
  SnapshotBatch batch{.sequence = 1, .complete_through = 19};
  for (const auto& [name, n] : {std::pair("pod-b", first), std::pair("pod-a", second)}) {
    batch.replica_names[named_replica(name)] = name;
    const SeriesKey key{.epoch = 1, .replica = named_replica(name)};
    for (std::uint64_t i = 0; i < n; ++i) {
      const double start = 4 + 13.0 * static_cast<double>(i) / static_cast<double>(n);
      run.add({.start = start, .chunks = {start + 0.5}, .end = start + 0.5, .key = key, .usage_tokens = 1});
    }
    run.second(5).series[key].replica_changes = changes;
  }
  for (int s = 0; s < 20; ++s) batch.seconds.push_back(run.second(s));
  return batch;
}

Step step_of(const SnapshotBatch& batch, ConnectionUse use = ConnectionUse::kReuse) {
  Timeline timeline;
  timeline.add_agent(0, 0);
  timeline.add(0, batch);
  Plan plan = scenes::simple_plan();
  plan.targets[0].replica_header = "X-Replica";
  plan.targets[0].connection = use;
  return measure_step(timeline, plan, cells_of(plan)[0],
                      {.concurrency = 4, .epoch = 1, .begin = 4, .end = 18});
}

TEST(NamedReplicas, HaveRowsByName) {
  const Step step = step_of(two_pods(90, 30, 0));
  ASSERT_EQ(step.replicas.size(), 2u);
  EXPECT_EQ(step.replicas[0].name, "pod-a");
  EXPECT_EQ(step.replicas[0].requests.completed, 30u);
  EXPECT_EQ(step.replicas[1].name, "pod-b");
  EXPECT_EQ(step.replicas[1].requests.completed, 90u);
}

TEST(NamedReplicas, ConnectionsThatStayArePinned) {
  const Step pinned = step_of(two_pods(90, 30, 0));
  EXPECT_TRUE(pinned.has_flag("PINNED"));
  EXPECT_THAT(pinned.reasons, ::testing::Contains(HasSubstr("the busiest got 1.50 times an equal share")));
  EXPECT_FALSE(step_of(two_pods(90, 30, 5)).has_flag("PINNED"));
  EXPECT_FALSE(step_of(two_pods(90, 30, 0), ConnectionUse::kPerRequest).has_flag("PINNED"));
  EXPECT_FALSE(step_of(two_pods(90, 0, 0)).has_flag("PINNED")) << "only one answered";
}

}  // namespace
}  // namespace kneepoint::coordinator
