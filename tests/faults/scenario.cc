#include "tests/faults/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "tests/method/queue_fleet.h"

namespace kneepoint::faults {
namespace {

using std::chrono::seconds;
using What = Fault::What;

constexpr std::array<std::string_view, 13> kNames = {"kill agent",
                                                     "lose the machine of agent",
                                                     "freeze agent",
                                                     "cut the link of agent",
                                                     "silence the link of agent",
                                                     "slow down the link of agent",
                                                     "repeat the batches of agent",
                                                     "step the wall clock",
                                                     "fill the disk",
                                                     "freeze the coordinator",
                                                     "kill the coordinator",
                                                     "kill the coordinator at its next write",
                                                     "interrupt"};

/// Every so many seeds make a search, which takes a hundred times as long as a few steps.
constexpr std::uint64_t kSearchEvery = 20;

}  // namespace

std::string to_string(const Fault& fault) {
  const bool of_agent = fault.what <= What::kRepeatBatches;
  return fmt::format("{:.3f} s: {}{} for {:.3f} s{}", to_seconds(fault.at),
                     kNames[static_cast<std::size_t>(fault.what)],
                     of_agent ? fmt::format(" {}", fault.agent) : "", to_seconds(fault.span),
                     fault.extent == Nanos(0) ? "" : fmt::format(", by {:.3f} s", to_seconds(fault.extent)));
}

const method::Case& the_case() {
  static const method::Case one{.name = "faults", .model = {.slots = 12}, .max = 96};
  return one;
}

Plan plan_of(const Scenario& scenario) {
  Plan plan;
  plan.name = "faults";
  plan.source_text = fmt::format("seed {}", scenario.seed);
  plan.targets = {{.name = "host", .urls = {"http://model"}}};
  plan.scenarios = {{.name = "faults",
                     .workload = {.classes = {{.name = "all", .prompts = {"x"}}}},
                     .ramp = scenario.ramp}};
  plan.seed = scenario.seed;
  return plan;
}

Scenario drawn(std::uint64_t seed) {
  method::Random random(seed * 2 + 1);
  const auto below = [&](std::uint64_t n) { return random.next() % n; };
  const auto between = [&](double low, double high) {
    return from_seconds(low + (high - low) * random.uniform());
  };
  Scenario scenario{.seed = seed, .agents = 2 + below(3)};
  scenario.least = 1 + below(scenario.agents);
  // One may come as the others begin without it.
  if (below(4) == 0) {
    scenario.boots.resize(scenario.agents);
    scenario.boots.back() = kJoinTimeout + between(-0.1, 0.6);
  }
  double length = 0;
  if (seed % kSearchEvery == 0) {
    scenario.ramp = {.warmup = seconds(5), .search = Search{.max = the_case().max}};
    length = 600;
  } else {
    const std::size_t steps = 1 + below(3);
    for (std::size_t i = 0; i < steps; ++i)
      scenario.ramp.steps.push_back(2 + static_cast<std::uint32_t>(below(20)));
    scenario.ramp.warmup = seconds(1 + below(3));
    if (below(4) == 0) {
      scenario.ramp.requests = 20 + static_cast<std::uint32_t>(below(200));
    } else {
      scenario.ramp.hold = seconds(3 + below(8));
    }
    scenario.ramp.descend = below(6) == 0;
    if (below(6) == 0) scenario.ramp.proof = {1};
    length = 12.0 * static_cast<double>(steps);
  }
  const std::size_t faults = below(6);
  for (std::size_t i = 0; i < faults; ++i) {
    Fault fault{.at = between(0, length), .what = static_cast<What>(below(kNames.size()))};
    fault.agent = below(scenario.agents);
    // Often around what the parties wait for: 2, 3, 5, 8 s.
    fault.span = below(2) == 0 ? between(0.01, 12) : between(0.01, 3);
    if (fault.what == What::kSlowLink) fault.extent = between(0.05, 4);
    if (fault.what == What::kStepWall) fault.extent = between(-3600, 3600);
    scenario.faults.push_back(fault);
  }
  std::sort(scenario.faults.begin(), scenario.faults.end(),
            [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return scenario;
}

}  // namespace kneepoint::faults
