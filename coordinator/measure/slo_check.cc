#include "coordinator/measure/slo_check.h"

#include <algorithm>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {

SloCheck check_slo(std::string name, const SloEvidence& evidence, double allowed) {
  SloCheck check{
      .name = std::move(name), .met = evidence.met, .missed = evidence.missed, .state = "INDETERMINATE"};
  const auto n = static_cast<double>(evidence.met + evidence.missed);
  if (n == 0) return check;
  const auto missed = static_cast<double>(evidence.missed);
  const double ratio = missed / n;
  Interval bounds{proportion_lower(missed, n), proportion_upper(missed, n)};
  if (!evidence.batch_ratios.empty()) {
    const double half = student_t(0.95, evidence.batches.degrees_of_freedom()) *
                        batch_standard_error(evidence.batch_ratios, evidence.batches);
    bounds.low = std::max(0.0, std::min(bounds.low, ratio - half));
    bounds.high = std::min(1.0, std::max(bounds.high, ratio + half));
  }
  check.missed_ratio = ratio;
  check.bounds = bounds;
  // 1 − 0.95 is not exactly 0.05.
  constexpr double kRounding = 1e-12;
  if (bounds.high <= allowed + kRounding) {
    check.state = "PASS";
  } else if (bounds.low > allowed + kRounding) {
    check.state = "FAIL";
  }
  return check;
}

}  // namespace kneepoint::coordinator
