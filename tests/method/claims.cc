#include "tests/method/claims.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/results/throughput.h"

namespace kneepoint::method {
namespace {

using coordinator::Saturation;
using coordinator::ScenarioResult;

/// "At most" may be more than the mean of what lasts by the error of a row.
constexpr double kMostError = 0.05;

/// Whether what lasts falls below 95 % of what less load has.
bool collapses(const Case& of) {
  double most = 0;
  for (std::uint32_t n = 1; n <= of.max; ++n) {
    const double x = of.model.throughput(n);
    if (x < 0.95 * most) return true;
    most = std::max(most, x);
  }
  return false;
}

/// The most that lasts; absent where the host's own windows are above and below it by turns.
std::optional<double> most_of(const Case& of) {
  const Moving how = of.model.movement.how;
  if (how != Moving::kHeat && how != Moving::kThrottle && how != Moving::kTokenBucket &&
      how != Moving::kPodLeaves)
    return std::nullopt;
  double most = 0;
  for (std::uint32_t n = 1; n <= of.max; ++n) most = std::max(most, of.model.throughput(n));
  return most;
}

}  // namespace

std::vector<std::string> false_claims(const Case& of, const Truth& truth, const ScenarioResult& result) {
  std::vector<std::string> wrong;
  const Saturation& found = result.saturation;
  if (found.concurrency && !truth.saturation)
    wrong.push_back(fmt::format("{:.1f} for none", *found.concurrency));
  if (truth.saturation) {
    const double n = *truth.saturation;
    if (found.ci95 && (n < found.ci95->low || n > found.ci95->high))
      wrong.push_back(fmt::format("[{:.1f}, {:.1f}] for {:.1f}", found.ci95->low, found.ci95->high, n));
    if (found.lower_bound && *found.lower_bound > n)
      wrong.push_back(fmt::format("above {:.0f} for {:.1f}", *found.lower_bound, n));
  }
  if (!of.moves()) return wrong;
  const bool falls = collapses(of);
  for (const std::string& shape : found.shape) {
    if (shape == "two peaks" || (shape == "collapse" && !falls)) wrong.push_back(shape);
  }
  if (!found.bottleneck.empty() &&
      std::find(of.bottlenecks.begin(), of.bottlenecks.end(), found.bottleneck) == of.bottlenecks.end())
    wrong.push_back(found.bottleneck);
  if (const auto& most = found.max_output_tokens_per_second) {
    double measured = 0;
    for (const coordinator::Step& step : result.steps)
      measured = std::max(measured, coordinator::throughput_of(step).value.value_or(0));
    if (*most > 1.001 * measured) wrong.push_back("at most what no row gave");
    const auto lasting = most_of(of);
    if (lasting && *most > (1 + kMostError) * *lasting)
      wrong.push_back(fmt::format("at most {:.0f} for {:.0f}", *most, *lasting));
  }
  return wrong;
}

}  // namespace kneepoint::method
