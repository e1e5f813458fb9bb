#include "agent/record/recorded_second.h"

#include <utility>

namespace kneepoint::agent {
namespace {

Histogram& distribution(SeriesStats& stats, Metric metric) {
  switch (metric) {
    case Metric::kTtft:
      return stats.ttft;
    case Metric::kTtfo:
      return stats.ttfo;
    case Metric::kTpot:
      return stats.tpot;
    case Metric::kIcl:
      return stats.icl;
    case Metric::kTtftIntended:
      return stats.ttft_intended;
    case Metric::kE2eIntended:
      return stats.e2e_intended;
    case Metric::kE2e:
      break;
  }
  return stats.e2e;
}

}  // namespace

SecondSnapshot RecordedSecond::resolve(DenseHistogram& scratch) && {
  // A counting sort by (series, metric), then one distribution after the other through a single dense
  // histogram, which stays in the cache.
  const auto group = [](const Sample& sample) {
    return sample.series * kMetricCount + static_cast<std::size_t>(sample.metric);
  };
  std::vector<std::size_t> begins(keys.size() * kMetricCount + 1, 0);
  for (const Sample& sample : samples) ++begins[group(sample) + 1];
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::vector<Nanos> values(samples.size());
  std::vector<std::size_t> next(begins.begin(), begins.end() - 1);
  for (const Sample& sample : samples) values[next[group(sample)]++] = sample.value;

  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    if (begins[i] == begins[i + 1]) continue;
    for (std::size_t at = begins[i]; at < begins[i + 1]; ++at) scratch.record(values[at]);
    distribution(series[keys[i / kMetricCount]], static_cast<Metric>(i % kMetricCount))
        .merge(scratch.drain());
  }
  return {.second = second,
          .series = std::move(series),
          .generator = std::move(generator),
          .requests = std::move(requests)};
}

}  // namespace kneepoint::agent
