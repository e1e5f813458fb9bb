#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/faults/scratch.h"
#include "tests/faults/simulation.h"

using namespace kneepoint::faults;

int main(int argc, char** argv) {
  CLI::App app(
      "Production coordinator and agents in a simulated world, from seeds, with everything going wrong");
  std::uint64_t seed = 0, seed_base = 1;
  std::size_t seeds = 300;
  std::size_t cuts = 4;
  const auto* one = app.add_option("--seed", seed, "this one only, and what happens in it");
  app.add_option("--seeds", seeds, "so many")->check(CLI::PositiveNumber);
  app.add_option("--seed-base", seed_base, "the first seed");
  app.add_option("--cuts", cuts, "places at which each journal is cut; 0: every byte of its last segment");
  CLI11_PARSE(app, argc, argv);
  SimulateOptions options{.scratch = scratch(), .cuts = cuts};
  spdlog::set_level(spdlog::level::off);
  if (one->count() > 0) {
    seed_base = seed;
    seeds = 1;
    options.tell = [](const std::string& line) { fmt::print("{}\n", line); };
    for (const Fault& fault : drawn(seed).faults) fmt::print("planned: {}\n", to_string(fault));
  }
  std::size_t failed = 0, trusted = 0, false_claims = 0, coordinators = 0, losses = 0, rows = 0;
  double hours = 0;
  for (std::uint64_t each = seed_base; each < seed_base + seeds; ++each) {
    const Verdict verdict = simulate(drawn(each), options);
    trusted += verdict.trusted ? 1 : 0;
    false_claims += verdict.false_claim ? 1 : 0;
    coordinators += verdict.coordinators;
    losses += verdict.losses;
    rows += verdict.rows;
    hours += verdict.seconds / 3600;
    if (one->count() > 0)
      fmt::print("ended: {}, after {:.1f} s, {} rows\n", verdict.ending, verdict.seconds, verdict.rows);
    if (verdict.broken.empty()) continue;
    ++failed;
    fmt::print("seed {}: {}\n  repeat it: kneepoint_faults --seed {}\n", each, verdict.broken.front(), each);
    std::fflush(stdout);
  }
  fmt::print(
      "{} seeds, {} failed; {:.1f} h of virtual time, {} coordinators, {} agents lost, {} rows, {} verdicts "
      "trustworthy and {} of them not true\n",
      seeds, failed, hours, coordinators, losses, rows, trusted, false_claims);
  const bool honest = static_cast<double>(false_claims) <= 0.05 * static_cast<double>(trusted);
  return failed == 0 && honest ? 0 : 1;
}
