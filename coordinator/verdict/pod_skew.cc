#include "coordinator/verdict/pod_skew.h"

#include <algorithm>

#include "coordinator/words/pages.h"

namespace kneepoint::coordinator {
namespace {

/// Of an equal share: from here on the host is full when its fullest pod is.
constexpr double kMuchMore = 1.5;
constexpr double kFewestOfAllPods = 100;
/// Requests that a pod with nothing to do may seem to hold; and that wait, on average, for the others.
constexpr double kHoldsNone = 0.5, kQueue = 1;

struct PodEnds {
  const PodFigures* most = nullptr;
  const PodFigures* least = nullptr;
  std::size_t idle = 0;  ///< Pods that get no request while some wait for the others; `least` is one.
  double waiting = 0;    ///< Requests that do.
};

bool gets_none(const PodFigures& pod) {
  return *pod.requests_share <= 0 &&
         pod.running_mean.value_or(kHoldsNone) + pod.waiting_mean.value_or(0) < kHoldsNone;
}

std::optional<PodEnds> ends_of(const Step& step) {
  if (!step.valid || !step.telemetry || step.telemetry->page.state != "covered") return std::nullopt;
  const std::vector<PodFigures>& pods = step.telemetry->pods;
  double requests = 0;
  for (const PodFigures& pod : pods) {
    if (!pod.requests_share) return std::nullopt;
    requests += pod.requests_per_second.value_or(0) * step.duration_seconds;
  }
  if (pods.size() < 2 || requests < kFewestOfAllPods) return std::nullopt;
  const auto [least, most] = std::minmax_element(
      pods.begin(), pods.end(),
      [](const PodFigures& a, const PodFigures& b) { return *a.requests_share < *b.requests_share; });
  PodEnds ends{&*most, &*least};
  for (const PodFigures& pod : pods) ends.waiting += pod.waiting_mean.value_or(0);
  const auto idle = std::find_if(pods.begin(), pods.end(), &gets_none);
  if (ends.waiting >= kQueue && idle != pods.end()) {
    ends.idle = static_cast<std::size_t>(std::count_if(pods.begin(), pods.end(), &gets_none));
    ends.least = &*idle;
  }
  const bool much_more = *most->requests_share * static_cast<double>(pods.size()) >= kMuchMore;
  return much_more || ends.idle > 0 ? std::optional(ends) : std::nullopt;
}

}  // namespace

std::optional<std::string> pod_skew(const ScenarioResult& result) {
  // The highest load tells it best, and one row may be chance.
  const Step* told = nullptr;
  std::size_t rows = 0, measured = 0;
  for (const Step& step : result.steps) {
    if (step.telemetry && step.telemetry->pods.size() > 1) ++measured;
    if (!ends_of(step)) continue;
    ++rows;
    if (told == nullptr || step.load() >= told->load()) told = &step;
  }
  if (told == nullptr || (rows < 2 && measured > 1)) return std::nullopt;
  const PodEnds ends = *ends_of(*told);
  if (ends.idle > 0) return words::pods_get_no_requests(*told, *ends.least, ends.idle, ends.waiting);
  return words::pods_get_unequal_parts(*told, *ends.most, *ends.least);
}

}  // namespace kneepoint::coordinator
