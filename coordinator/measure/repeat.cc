#include "coordinator/measure/repeat.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/results/throughput.h"
#include "coordinator/words/again.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kThroughput = 0.05;  ///< What saturation itself is told by.
constexpr double kTtft = 0.25;        ///< Steep near the knee.

/// Without an interval nothing is beyond chance.
double half_width(const std::optional<Interval>& ci95) {
  return ci95 ? (ci95->high - ci95->low) / 2 : std::numeric_limits<double>::infinity();
}

}  // namespace

bool RowChange::matters() const {
  return std::abs(throughput) > std::max(kThroughput, throughput_error) ||
         (ttft && std::abs(*ttft) > std::max(kTtft, ttft_error));
}

std::string RowChange::text() const {
  return words::row_change(throughput, ttft);
}

std::optional<RowChange> row_change(const Step& before, const Step& again) {
  const Estimate& x0 = throughput_of(before);
  const Estimate& x1 = throughput_of(again);
  if (!before.valid || !again.valid || !x0.value || !x1.value || *x0.value <= 0) return std::nullopt;
  RowChange found{.throughput = *x1.value / *x0.value - 1,
                  .throughput_error = std::hypot(half_width(x0.ci95), half_width(x1.ci95)) / *x0.value};
  const LatencySummary& t0 = before.ttft_seconds;
  const LatencySummary& t1 = again.ttft_seconds;
  if (t0.p50 && t1.p50 && *t0.p50 > 0) {
    found.ttft = *t1.p50 / *t0.p50 - 1;
    found.ttft_error = std::hypot(half_width(t0.p50_ci95), half_width(t1.p50_ci95)) / *t0.p50;
  }
  return found;
}

const Step* reference_row(const std::vector<Step>& steps, double load) {
  const Step* found = nullptr;
  for (const Step& step : steps) {
    if (!stands(step) || step.load() != load) continue;
    if (found == nullptr || step.duration_seconds >= found->duration_seconds) found = &step;
  }
  return found;
}

}  // namespace kneepoint::coordinator
