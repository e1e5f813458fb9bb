#include "coordinator/fleet/caps.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "coordinator/fleet/shares.h"

namespace kneepoint::coordinator {
namespace {

/// A level as far as caps look at it.
struct PlannedLevel {
  std::string words;
  LoadLevel level;
};

PlannedLevel closed_level(std::string words, std::uint32_t concurrency) {
  return {.words = std::move(words), .level = {.concurrency = concurrency}};
}

PlannedLevel open_level(const std::string& rate, std::uint32_t max_in_flight,
                        const ArrivalProcess& arrivals) {
  return {.words = fmt::format("a rate of {} (max_in_flight {})", rate, max_in_flight),
          .level = {.concurrency = max_in_flight, .arrivals = arrivals}};
}

/// Those of a ramp. Nothing that follows it goes higher.
std::vector<PlannedLevel> levels_of(const Ramp& ramp) {
  std::vector<PlannedLevel> levels;
  if (ramp.search) {
    levels.push_back(closed_level(fmt::format("a search up to {}", ramp.search->max), ramp.search->max));
  } else if (ramp.linear && ramp.open) {
    ArrivalProcess way = ramp.open->steps.front();
    way.rate = ramp.linear->from;
    way.over = ramp.linear->over;
    way.end_rate = ramp.linear->to;
    levels.push_back(
        open_level(fmt::format("{:g} to {:g}", way.rate, way.end_rate), ramp.open->max_in_flight, way));
  } else if (ramp.linear) {
    const double most = std::max(ramp.linear->from, ramp.linear->to);
    levels.push_back(
        closed_level(fmt::format("a load of up to {:g}", most), static_cast<std::uint32_t>(most)));
  } else if (ramp.open) {
    for (const ArrivalProcess& step : ramp.open->steps)
      levels.push_back(open_level(fmt::format("{:g}", step.rate), ramp.open->max_in_flight, step));
  } else {
    for (const std::uint32_t step : ramp.steps)
      levels.push_back(closed_level(fmt::format("a load of {}", step), step));
  }
  return levels;
}

}  // namespace

CapCheck check_caps(const Plan& plan, const std::vector<Cell>& cells, const std::vector<AgentInfo>& agents,
                    std::size_t expected) {
  CapCheck found;
  if (agents.empty()) return found;
  std::vector<ShareHolder> holders;
  for (std::uint32_t number = 0; number < agents.size(); ++number)
    holders.push_back({.agent = number, .threads = agents[number].threads});
  ShareTable shares(holders, expected);
  shares.deal(holders);
  /// What the first of them that refuses the level says; empty where none does.
  const auto refusal = [&](const LoadLevel& level, std::uint32_t lanes) {
    for (const ShareHolder& holder : holders) {
      const AgentInfo& agent = agents[holder.agent];
      if (const auto allowed = agent.caps.check(shares.part(level, holder), lanes); !allowed)
        return fmt::format("agent {} {}", agent.name, allowed.error().message);
    }
    return std::string();
  };
  for (const Cell& cell : cells) {
    const Scenario& scenario = plan.scenarios[cell.scenario];
    const std::uint32_t lanes = lanes_of(cell.workload, plan.datasets);
    for (const auto& [words, level] : levels_of(scenario.ramp)) {
      const std::string refused = refusal(level, lanes);
      if (refused.empty()) continue;
      std::string line = fmt::format("{}: {} gives {}", scenario.name, words, refused);
      if (!scenario.ramp.search) {
        found.fault = std::move(line);
        return found;
      }
      line += "; else a search that comes there loses it";
      if (std::find(found.remarks.begin(), found.remarks.end(), line) == found.remarks.end())
        found.remarks.push_back(std::move(line));
    }
  }
  return found;
}

}  // namespace kneepoint::coordinator
