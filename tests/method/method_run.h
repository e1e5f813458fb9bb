#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"
#include "tests/method/queue_model.h"

/// Runs the whole method, as it runs against a fleet, on a case of known truth.
namespace kneepoint::method {

/// What is true of a case.
struct Truth {
  std::optional<double> saturation;  ///< Absent where it lies past max/2.
  double slo_concurrency = 0;        ///< The largest N up to which p95 of TTFT meets the limit; 0 for none.
};
/// @param at when, for cases that drift, in seconds of the run.
Truth truth_of(const Case& of, double at = 0);

/// One run.
struct Trial {
  coordinator::ScenarioResult result;
  bool trusted = false;
  double seconds = 0;  ///< Of virtual time.
  std::string cut_short;
};
/// Of the host that the seed draws: a search, or the ramp that the case has.
Trial run_trial(const Case& of, std::uint64_t seed);
/// The same with any ramp, and what comes after it.
Trial run_ramp(const Case& of, const Ramp& ramp, std::uint64_t seed);

/// Many searches of a case against its truth.
struct Score {
  std::size_t trials = 0;
  std::size_t answered = 0;  ///< Named a saturation point.
  std::size_t covered =
      0;  ///< The interval holds the truth (or the lower bound does, where nothing was named).
  std::size_t false_pass = 0;  ///< Named an SLO concurrency above the true one.
  std::size_t slo_answered = 0;
  std::size_t drift_flagged = 0;
  std::size_t trusted = 0;        ///< Ended with a trustworthy verdict.
  std::size_t false_trusted = 0;  ///< Of these, claim something that is not so.
  std::size_t named = 0;          ///< Said how the host moved, rightly; of a steady one: that it moved.
  std::size_t invalid_rows = 0, rows = 0;
  std::vector<double> estimates;
  std::vector<double> errors;  ///< |estimate − truth| / truth.
  std::vector<double> widths;  ///< Interval over truth.
  std::vector<double> minutes;
  std::map<std::string, std::size_t> flags;   ///< Of invalid rows.
  std::map<std::string, std::size_t> kinds;   ///< What the host's movement was called.
  std::map<std::string, std::size_t> doubts;  ///< Codes of what took the trust away.
};
/// @param of as drawn.
void add(Score& score, const Case& of, const Truth& truth, const Trial& trial);
void add(Score& score, const Score& other);

/// The q-quantile by nearest rank; 0 of nothing.
double quantile(std::vector<double> values, double q);
double mean(const std::vector<double>& values);

/// What is asked of the method; empty where a case meets it. @param reachable the search could reach the
/// truth.
std::vector<std::string> misses(const Case& of, bool reachable, const Score& score);

}  // namespace kneepoint::method
