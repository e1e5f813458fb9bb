#include "coordinator/verdict/light_load.h"

#include <map>
#include <vector>

#include "coordinator/measure/statistics.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/throughput_curve.h"
#include "coordinator/words/remarks.h"

namespace kneepoint::coordinator {
namespace {

/// More for each request in flight than at less load, beyond both 95 % intervals: batches may fill better and
/// prompts come out of a cache by a little.
constexpr double kMoreForEach = 1.1;

/// Only where the load keeps as many requests in flight, and they are alike: turns get longer, and a failure
/// leaves a slot empty for a while.
bool shares_alike(const Step& step) {
  return step.valid && step.load_kind() == LoadKind::kRequests && step.turns.empty() &&
         throughput_of(step).ci95 && !surely_failing(step.requests);
}

/// Requests that ended, of all rows of each load: where answers differ in length, more tokens are not more
/// answers.
struct EndedRequests {
  double count = 0, seconds = 0;
  double for_each(double load) const { return seconds > 0 ? count / seconds / load : 0; }
};

}  // namespace

void judge_light_load(const ScenarioResult& result, Verdict& verdict) {
  // A host that was seen to move is told of already.
  if (result.moving() || result.movement) return;
  std::vector<Step> rows;
  std::map<double, EndedRequests> ended;
  for (const Step& step : result.steps) {
    if (!shares_alike(step) || !step.requests_per_second.value) continue;
    rows.push_back(step);
    EndedRequests& here = ended[step.load()];
    here.count += *step.requests_per_second.value * step.duration_seconds;
    here.seconds += step.duration_seconds;
  }
  const std::vector<ThroughputPoint> points = throughput_points(rows);
  const ThroughputPoint* light = nullptr;
  const ThroughputPoint* more = nullptr;
  double most = kMoreForEach;
  for (std::size_t a = 0; a < points.size(); ++a) {
    const double upper = points[a].throughput + kTwoSided95 * points[a].standard_error;
    for (std::size_t b = a + 1; b < points.size(); ++b) {
      const double lower = points[b].throughput - kTwoSided95 * points[b].standard_error;
      const double load_a = points[a].concurrency, load_b = points[b].concurrency;
      const double ratio = (lower / load_b) / (upper / load_a);
      if (ratio <= most || ended[load_b].for_each(load_b) <= kMoreForEach * ended[load_a].for_each(load_a))
        continue;
      most = ratio;
      light = &points[a];
      more = &points[b];
    }
  }
  if (light == nullptr) return;
  verdict.reserve(
      "light_load_slow",
      words::light_load_slow(light->concurrency, light->throughput / light->concurrency, more->concurrency,
                             more->throughput / more->concurrency, throughput_unit(rows)));
}

}  // namespace kneepoint::coordinator
