#include "coordinator/verdict/pod_skew.h"

#include <algorithm>

#include "coordinator/words/pages.h"

namespace kneepoint::coordinator {
namespace {

/// Of an equal share: from here on the host is full when its fullest pod is.
constexpr double kMuchMore = 1.5;
constexpr double kFewestOfAllPods = 100;

struct PodEnds {
  const PodFigures* most = nullptr;
  const PodFigures* least = nullptr;
};

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
  if (*most->requests_share * static_cast<double>(pods.size()) < kMuchMore) return std::nullopt;
  return PodEnds{&*most, &*least};
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
  return words::pods_get_unequal_parts(*told, *ends.most, *ends.least);
}

}  // namespace kneepoint::coordinator
