// What CPU it takes to measure a window: ten minutes of a fleet's merged seconds, on the thread that decides.
// Prints one JSON object.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <random>
#include <vector>

#include "coordinator/measure/window.h"
#include "coordinator/timeline/timeline.h"
#include "tests/bench/synthetic_second.h"

namespace {

/// Of this thread: what other processes take from the machine is not part of it.
double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace kneepoint;
  using namespace kneepoint::coordinator;
  std::int64_t seconds = 600;
  std::uint32_t agents = 1000;
  CLI::App app{"Measures a window of synthetic seconds."};
  app.add_option("--seconds", seconds)->check(CLI::Range(10, 100'000))->capture_default_str();
  app.add_option("--agents", agents, "Merged into each second")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  Plan plan;
  plan.targets = {{.name = "host"}};
  plan.scenarios.push_back({.name = "s"});
  const std::vector<Cell> cells = cells_of(plan);
  Timeline timeline;
  for (std::uint32_t agent = 0; agent < agents; ++agent) timeline.add_agent(agent, 0);
  // Different seconds of one agent, and of all of them together, that take turns: most of the work is to make
  // them up.
  std::vector<SecondSnapshot> alone, together(16);
  for (std::uint64_t seed = 0; seed < 256; ++seed) alone.push_back(synthetic_second(seed, 0, 1));
  std::mt19937_64 random(1);
  for (SecondSnapshot& second : together) {
    for (std::uint32_t agent = 0; agent < agents; ++agent) second.merge(alone[random() % alone.size()]);
  }
  for (std::int64_t second = 0; second < seconds; ++second) {
    SnapshotBatch batch{.complete_through = second};
    batch.seconds.push_back(together[static_cast<std::size_t>(second) % together.size()]);
    batch.seconds.front().second = second;
    timeline.add(0, batch);
    for (std::uint32_t agent = 1; agent < agents; ++agent) timeline.add(agent, {.complete_through = second});
  }
  const StepWindow window{
      .cell = cells[0].id, .concurrency = agents * kSyntheticStreams, .epoch = 1, .begin = 0, .end = seconds};
  const double begin = cpu_seconds();
  const Step step = measure_step(timeline, plan, cells[0], window);
  const double took = cpu_seconds() - begin;
  fmt::print(R"({{"seconds": {}, "agents": {}, "measured_milliseconds": {:.2f}, "completed": {}}})"
             "\n",
             seconds, agents, took * 1e3, step.requests.completed);
  return 0;
}
