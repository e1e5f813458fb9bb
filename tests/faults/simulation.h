#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tests/faults/scenario.h"

namespace kneepoint::faults {

/// How a scenario went.
struct Verdict {
  std::vector<std::string> broken;  ///< What did not hold that must, a line each; empty: all of it held.
  std::string ending;               ///< How the run ended, in words.
  bool trusted = false;             ///< It ended with a trustworthy verdict …
  bool false_claim = false;         ///< … that says something which is not so.
  std::size_t coordinators = 0, rows = 0, losses = 0;
  double seconds = 0;  ///< Of virtual time.
};

struct SimulateOptions {
  /// Where the run directory is made; removed afterwards.
  std::filesystem::path scratch;
  /// Of the places at which the journal is cut after a run, how many; 0: every byte of its last segment.
  std::size_t cuts = 8;
  std::function<void(const std::string&)> tell = {};  ///< What happens, a line each.
};

/// Runs the production coordinator and the production agent sessions through a scenario, one coordinator
/// after the other, and holds the result against what must be so after every run. The same scenario gives the
/// same result.
Verdict simulate(const Scenario& scenario, const SimulateOptions& options);

}  // namespace kneepoint::faults
