#include "coordinator/recording/segment.h"

#include <fmt/format.h>

#include <algorithm>

namespace kneepoint::coordinator {

Resumption SegmentStart::told() const {
  return {.at = wall, .at_seconds = static_cast<double>(at), .gap_seconds = static_cast<double>(gap)};
}

std::filesystem::path segment_path(const std::filesystem::path& directory, std::string_view file,
                                   std::size_t segment) {
  if (segment <= 1) return directory / file;
  const std::size_t dot = file.find('.');
  return directory / fmt::format("{}-{}{}", file.substr(0, dot), segment, file.substr(dot));
}

std::vector<std::size_t> join_agents(std::vector<RunFacts::Agent>& all,
                                     const std::vector<RunFacts::Agent>& more) {
  std::vector<std::size_t> places;
  for (const RunFacts::Agent& agent : more) {
    const auto known =
        std::find_if(all.rbegin(), all.rend(), [&](const auto& other) { return other.name == agent.name; });
    if (known == all.rend()) {
      places.push_back(all.size());
      all.push_back(agent);
    } else {
      places.push_back(static_cast<std::size_t>(all.rend() - known) - 1);
      if (agent.presence.over()) known->presence = agent.presence;
      known->clock_round_trip = std::max(known->clock_round_trip, agent.clock_round_trip);
    }
  }
  return places;
}

}  // namespace kneepoint::coordinator
