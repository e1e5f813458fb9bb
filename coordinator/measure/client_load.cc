#include "coordinator/measure/client_load.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/token_count.h"

namespace kneepoint::coordinator {

ClientLoad::ClientLoad(const Timeline& timeline, const std::set<std::uint32_t>& cells) {
  std::map<std::uint32_t, ChunkRate> rates;
  for (const std::uint32_t cell : cells) {
    const SeriesStats whole = counts_of_cell(timeline, cell);
    rates[cell] = chunk_rate(whole, whole);
  }
  for (const auto& [second, data] : timeline.seconds()) {
    ClientSecond seen;
    bool any = false;
    for (const auto& [key, stats] : data.series) {
      const auto rate = rates.find(key.cell);
      if (rate == rates.end()) continue;
      any = true;
      seen.tokens += rate->second.arrived(stats);
      seen.ended_tokens += rate->second.ended(stats);
      seen.ended += static_cast<double>(stats.completed());
      seen.in_flight += stats.in_flight;
      seen.waiting += stats.waiting;
    }
    if (!any) continue;
    const auto span = static_cast<double>(std::max<std::int64_t>(1, data.span));
    for (double ClientSecond::*figure :
         {&ClientSecond::tokens, &ClientSecond::ended_tokens, &ClientSecond::ended, &ClientSecond::in_flight,
          &ClientSecond::waiting}) {
      seen.*figure /= span;
    }
    for (std::int64_t s = second; s < second + std::max<std::int64_t>(1, data.span); ++s) seconds_[s] = seen;
  }
}

void ClientLoad::add_bystander(const Readings& readings) {
  const TelemetrySample* before = nullptr;
  for (const auto& [second, sample] : readings) {
    const auto more = [&](Signal signal) {
      const double earlier = before == nullptr ? 0 : value_of(*before, signal).value_or(0);
      return step_between(earlier, value_of(sample, signal).value_or(0));
    };
    if (const auto at = seconds_.find(second); at != seconds_.end()) {
      ClientSecond& seen = at->second;
      const double requests = more(Signal::kBystanderRequests);
      seen.tokens += requests;
      seen.ended_tokens += requests;
      seen.ended += requests;
      // Little's law: so many seconds of waiting in this one, as nearly as their ends tell.
      seen.in_flight += more(Signal::kBystanderTtftSum);
      seen.waiting += more(Signal::kBystanderTtftSum);
    }
    before = &sample;
  }
}

double ClientLoad::sum(double ClientSecond::*what, double begin, double end) const {
  double sum = 0;
  const auto first = seconds_.lower_bound(static_cast<std::int64_t>(std::floor(begin)));
  for (auto at = first; at != seconds_.end() && static_cast<double>(at->first) < end; ++at) {
    const auto second = static_cast<double>(at->first);
    const double share = std::min(end, second + 1) - std::max(begin, second);
    if (share > 0) sum += share * at->second.*what;
  }
  return sum;
}

}  // namespace kneepoint::coordinator
