#include "coordinator/verdict/survey.h"

#include <algorithm>

namespace kneepoint::coordinator {

std::optional<double> pace_of(const std::vector<Step>& steps) {
  const bool moving =
      std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.has_flag("MOVING"); });
  if (!moving) return std::nullopt;
  // A row's load is its mean, which is that of its middle.
  const auto middle = [](const Step& step) { return step.window_begin_seconds + step.duration_seconds / 2; };
  const double seconds = middle(steps.back()) - middle(steps.front());
  return seconds > 0 ? (steps.back().load() - steps.front().load()) / seconds : 0;
}

}  // namespace kneepoint::coordinator
