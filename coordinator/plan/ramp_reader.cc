#include "coordinator/plan/ramp_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "coordinator/plan/linear_reader.h"
#include "coordinator/plan/open_loop_reader.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr Nanos kLongestHold = 24h;
constexpr std::uint64_t kMostRequests = 1'000'000;
constexpr double kDefaultFactor = 2;
constexpr double kSmallestFactor = 1.01;
constexpr double kFinestPrecision = 0.02;
constexpr Nanos kShortestSoak = 1min;
constexpr std::uint64_t kMostAgents = 1000;
constexpr std::size_t kFewestLoads = 3;  ///< That tell anything of saturation.

std::vector<std::uint32_t> read_steps(const MappingReader& ramp) {
  if (const Node* const list = ramp.find("steps")) {
    for (const std::string_view other : {"from", "to", "factor", "by", "over"})
      ramp.exclusive("steps", other);
    std::vector<std::uint32_t> steps;
    for (const Node& item : yaml::read_list(*list, "'steps'"))
      steps.push_back(read_concurrency(item, "a step"));
    return steps;
  }
  if (ramp.find("from") == nullptr && ramp.find("to") == nullptr) {
    throw PlanError{ramp.node().at, fmt::format("{} has no steps; write steps: [1, 2, 4, 8], or from, to and "
                                                "factor, or search: {{max: 1024}}, or "
                                                "rate: [5, 10, 20]",
                                                ramp.what())};
  }
  ramp.exclusive("factor", "by");
  if (ramp.find("over") != nullptr) return {};
  const std::uint32_t from = read_concurrency(ramp.require("from"), "'from'");
  const std::uint32_t to = read_concurrency(ramp.require("to"), "'to'");
  if (const Node* const by = ramp.find("by")) return linear_steps(from, to, read_concurrency(*by, "'by'"));
  const Node* const given = ramp.find("factor");
  const double factor = given ? yaml::read_number(*given, "'factor'", kSmallestFactor, 100) : kDefaultFactor;
  return geometric_steps(from, to, factor);
}

Search read_search(const MappingReader& ramp, const Node& node, const std::string& scenario) {
  for (const std::string_view other : {"steps", "from", "to", "factor", "by", "over", "rate", "arrival",
                                       "burstiness", "max_in_flight", "requests"}) {
    ramp.exclusive("search", other);
  }
  const MappingReader reader(node, fmt::format("search of {}", scenario), {"max", "precision"});
  Search search;
  if (const Node* const max = reader.find("max")) search.max = read_concurrency(*max, "'max'");
  if (const Node* const precision = reader.find("precision")) {
    search.precision = yaml::read_number(*precision, "'precision'", kFinestPrecision, 1);
  }
  if (const Node* const longest = ramp.find("max_duration")) {
    search.max_duration = yaml::read_duration(*longest, "'max_duration'", 1min, kLongestHold);
  }
  return search;
}

/// `soak: N` stands for the one step of a ramp that holds it.
std::vector<std::uint32_t> read_soak(const MappingReader& ramp, const Node& node) {
  for (const std::string_view other :
       {"steps", "from", "to", "factor", "by", "over", "search", "rate", "arrival", "burstiness",
        "max_in_flight", "requests", "descend", "proof"}) {
    ramp.exclusive("soak", other);
  }
  return {read_concurrency(node, "'soak'")};
}

std::vector<std::uint32_t> read_proof(const Node& node, const std::string& scenario) {
  const MappingReader reader(node, fmt::format("proof of {}", scenario), {"agents"});
  std::vector<std::uint32_t> proof;
  for (const Node& item : yaml::read_list(reader.require("agents"), "'agents'")) {
    const auto agents =
        static_cast<std::uint32_t>(yaml::read_integer(item, "a number of agents", 1, kMostAgents));
    if (std::find(proof.begin(), proof.end(), agents) != proof.end()) {
      throw PlanError{item.at, fmt::format("{} agents are listed twice", agents)};
    }
    proof.push_back(agents);
  }
  return proof;
}

/// Fixed steps confirm what they find, unless told otherwise. What has no knee to confirm does not: fewer
/// than three loads, a soak, a trace; nor what measures no steady state or has no intervals: a load that
/// moves, or steps that are bounded by requests. A search always does.
void read_confirm(const MappingReader& ramp, Ramp& into) {
  for (const std::string_view other : {"search", "soak", "over", "requests"})
    ramp.exclusive("confirm", other);
  const bool trace = into.open && into.open->steps.front().kind == ArrivalProcess::Kind::kTrace;
  std::set<double> loads(into.steps.begin(), into.steps.end());
  if (into.open) {
    for (const ArrivalProcess& step : into.open->steps) loads.insert(step.rate);
  }
  into.confirm =
      !into.search && !into.soak && !into.linear && !into.requests && !trace && loads.size() >= kFewestLoads;
  if (const Node* const confirm = ramp.find("confirm"))
    into.confirm = yaml::read_bool(*confirm, "'confirm'") && into.confirm;
}

/// What is asked for after the ramp.
void read_afterwards(const MappingReader& ramp, const std::string& scenario, Ramp& into) {
  for (const std::string_view key : {"descend", "proof"}) {
    for (const std::string_view other : {"requests", "rate", "arrival"}) ramp.exclusive(key, other);
  }
  if (const Node* const descend = ramp.find("descend")) into.descend = yaml::read_bool(*descend, "'descend'");
  if (const Node* const proof = ramp.find("proof")) into.proof = read_proof(*proof, scenario);
}

}  // namespace

std::uint32_t read_concurrency(const Node& node, std::string_view what) {
  return static_cast<std::uint32_t>(yaml::read_integer(node, what, 1, kHighestConcurrency));
}

std::vector<std::uint32_t> geometric_steps(std::uint32_t from, std::uint32_t to, double factor) {
  std::vector<std::uint32_t> steps{from};
  const bool rising = to > from;
  double exact = from;
  while (steps.back() != to && steps.size() <= kMostSteps) {
    exact = rising ? exact * factor : exact / factor;
    const bool past_end = rising ? exact >= to : exact <= to;
    const auto next = past_end ? to : static_cast<std::uint32_t>(std::lround(exact));
    if (next != steps.back()) steps.push_back(next);
  }
  return steps;
}

std::vector<std::uint32_t> linear_steps(std::uint32_t from, std::uint32_t to, std::uint32_t by) {
  std::vector<std::uint32_t> steps{from};
  while (steps.back() != to && steps.size() <= kMostSteps) {
    const std::uint32_t last = steps.back();
    const std::uint32_t left = to > last ? to - last : last - to;
    const std::uint32_t stride = std::min(by, left);
    steps.push_back(to > last ? last + stride : last - stride);
  }
  return steps;
}

Ramp read_ramp(const Node& node, const std::string& scenario) {
  const MappingReader reader(
      node, fmt::format("ramp of {}", scenario),
      {"steps",   "from",    "to",         "factor",        "by",     "over", "search",   "soak",
       "rate",    "arrival", "burstiness", "max_in_flight", "warmup", "hold", "requests", "max_duration",
       "confirm", "descend", "proof",      "on_target_down"});
  reader.exclusive("hold", "requests");
  reader.exclusive("warmup", "requests");  // Such a step counts every request, the first included.
  Ramp ramp;
  const Node* const search = reader.find("search");
  const Node* const soak = reader.find("soak");
  if (search != nullptr && soak == nullptr) {
    ramp.search = read_search(reader, *search, scenario);
  } else {
    if (const Node* const longest = reader.find("max_duration")) {
      throw PlanError{longest->at, "'max_duration' bounds a search; fixed steps take as long as they say"};
    }
    if (soak != nullptr) {
      ramp.soak = true;
      ramp.steps = read_soak(reader, *soak);
    } else if (is_open_loop(reader)) {
      ramp.open = read_open_loop(reader);
    } else {
      ramp.steps = read_steps(reader);
    }
  }
  const Node* const hold = reader.find("hold");
  if (const Node* const requests = reader.find("requests")) {
    ramp.requests = static_cast<std::uint32_t>(yaml::read_integer(*requests, "'requests'", 1, kMostRequests));
  } else {
    if (hold != nullptr) {
      ramp.hold = yaml::read_duration(*hold, "'hold'", ramp.soak ? kShortestSoak : Nanos(1s), kLongestHold);
    } else if (search == nullptr) {
      ramp.hold = ramp.soak ? kDefaultSoak : kDefaultHold;
    }
    ramp.warmup = search != nullptr ? kDefaultSearchWarmup : kDefaultWarmup;
  }
  if (const Node* const warmup = reader.find("warmup")) {
    ramp.warmup = yaml::read_duration(*warmup, "'warmup'", 0s, kLongestHold);
  }
  if (const Node* const down = reader.find("on_target_down"))
    ramp.stop_when_down = yaml::read_choice(*down, "on_target_down", {"stop", "continue"}) == "stop";
  read_linear(reader, ramp);
  read_confirm(reader, ramp);
  read_afterwards(reader, scenario, ramp);
  return ramp;
}

}  // namespace kneepoint::coordinator
