#include "coordinator/measure/replicas.h"

#include <algorithm>
#include <boost/url/parse.hpp>
#include <cstddef>
#include <cstdint>

#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

/// Names that tell the target's replicas apart.
std::vector<std::string> replica_names(const Target& target) {
  std::vector<std::string> names;
  for (const std::string& url : target.urls) names.push_back(replica_name(url));
  auto sorted = names;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() ? names : target.urls;
}

}  // namespace

std::string replica_name(const std::string& url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->encoded_host_and_port().empty()) return url;
  return std::string(parsed->encoded_host_and_port());
}

std::vector<NamedStats> replicas_of(const Timeline& timeline, const Target& target, WindowCut& cut) {
  std::vector<NamedStats> replicas;
  const auto urls = replica_names(target);
  for (std::uint32_t i = 0; i < urls.size(); ++i) {
    const SeriesStats& stats = cut.by_replica[i];
    // Where headers name replicas, a URL keeps only the requests whose responses named none.
    if (target.replica_header.empty() || stats.ended() > 0) replicas.emplace_back(urls[i], &stats);
  }
  const auto named = static_cast<std::ptrdiff_t>(replicas.size());
  for (const auto& [replica, stats] : cut.by_replica) {
    const auto name = timeline.replica_names().find(replica);
    const bool seen = stats.ended() > 0 || stats.in_flight > 0;
    if (seen && name != timeline.replica_names().end()) replicas.emplace_back(name->second, &stats);
  }
  std::sort(replicas.begin() + named, replicas.end(),
            [](const NamedStats& a, const NamedStats& b) { return a.first < b.first; });
  if (replicas.size() < 2) replicas.clear();
  return replicas;
}

void check_pinning(Step& step, const WindowCut& cut) {
  constexpr double kTolerated = 1.25;
  if (step.replicas.size() < 2 || cut.total.replica_changes > 0) return;
  std::uint64_t most = 0;
  for (const Share& share : step.replicas) most = std::max(most, share.requests.completed);
  const double skew = static_cast<double>(most) * static_cast<double>(step.replicas.size()) /
                      static_cast<double>(std::max<std::uint64_t>(cut.total.completed(), 1));
  step.warn("PINNED", words::pinned(step.replicas.size(), skew, skew > kTolerated));
}

}  // namespace kneepoint::coordinator
