#include "coordinator/controllers/afterwards.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/measure/repeat.h"
#include "coordinator/verdict/saturation.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

constexpr double kApart = 1.25;  ///< Neighbouring descending steps, at least.
constexpr Nanos kShortestHold = 20s;
constexpr double kResidences = 2;

Nanos whole_seconds(double seconds) {
  return std::chrono::ceil<std::chrono::seconds>(from_seconds(seconds));
}

std::uint32_t nearest(const std::set<std::uint32_t>& valid, double knee) {
  return *std::min_element(valid.begin(), valid.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::abs(std::log(a / knee)) < std::abs(std::log(b / knee));
  });
}

Ramp proof_of(const Ramp& ramp, const Step& row) {
  return {.steps = {row.concurrency}, .warmup = ramp.warmup, .hold = whole_seconds(row.duration_seconds)};
}

std::vector<std::uint32_t> way_down(const std::set<std::uint32_t>& valid, std::uint32_t top) {
  std::vector<std::uint32_t> steps{top};
  for (auto at = valid.rbegin(); at != valid.rend(); ++at) {
    const bool lowest = *at == *valid.begin();
    if (*at < steps.back() && (lowest || kApart * *at <= steps.back())) steps.push_back(*at);
  }
  return steps;
}

}  // namespace

std::vector<Afterwards> afterwards(const Ramp& ramp, const std::vector<Step>& rows) {
  std::vector<Afterwards> stages;
  std::set<std::uint32_t> valid;
  for (const Step& row : rows) {
    if (row.valid) valid.insert(row.concurrency);
  }
  if (valid.empty() || (ramp.proof.empty() && !ramp.descend)) return stages;
  const auto knee = find_saturation(rows, {}).middle();

  const Step& again = *reference_row(rows, knee ? nearest(valid, *knee) : *valid.rbegin());
  for (const std::uint32_t count : ramp.proof) {
    stages.push_back({proof_of(ramp, again), {.role = StepRole::kProof, .agents = count}});
  }
  if (ramp.descend) {
    const auto twice =
        knee ? valid.lower_bound(static_cast<std::uint32_t>(std::ceil(2 * *knee))) : valid.end();
    const std::uint32_t top = twice == valid.end() ? *valid.rbegin() : *twice;
    const double residence = reference_row(rows, top)->e2e_seconds.mean.value_or(0);
    const Nanos hold = std::max(kShortestHold, whole_seconds(kResidences * residence));
    Ramp down{.steps = way_down(valid, top), .warmup = ramp.warmup, .hold = ramp.hold.value_or(hold)};
    stages.push_back({std::move(down), {.role = StepRole::kDescent}});
  }
  return stages;
}

}  // namespace kneepoint::coordinator
