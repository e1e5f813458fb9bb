#include "coordinator/verdict/soak.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>

#include "common/plural.h"
#include "coordinator/measure/statistics.h"
#include "coordinator/results/throughput.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kHour = 3600;
constexpr const char* kMemory = "agent memory";

struct Quantity {
  const char* name;
  double tolerated;  ///< Relative, over the whole soak.
  std::optional<double> (*of)(const Step&);
};

constexpr Quantity kQuantities[] = {
    {"throughput", 0.03, [](const Step& s) { return throughput_of(s).value; }},
    {"TTFT p50", 0.10, [](const Step& s) { return s.ttft_seconds.p50; }},
    {kMemory, 0.10, [](const Step& s) { return s.generator.resident_bytes; }},
};

HourlyTrend trend_of(const Quantity& quantity, const std::vector<const Step*>& bins) {
  HourlyTrend trend{.name = quantity.name};
  std::vector<double> values, hours;  // bins that are invalid leave gaps
  for (const Step* bin : bins) {
    hours.push_back(bin->window_begin_seconds / kHour);
    if (const auto value = quantity.of(*bin)) values.push_back(*value);
  }
  const auto slope = values.size() == bins.size() ? theil_sen(values, hours) : std::nullopt;
  const double mean = moments(values).mean;
  if (!slope || mean <= 0) return trend;
  trend.ratio = slope->slope / mean;
  trend.ci95 = Interval{slope->ci95.low / mean, slope->ci95.high / mean};
  return trend;
}

}  // namespace

Finding judge_soak(const std::vector<Step>& bins) {
  std::vector<const Step*> valid;
  for (const Step& bin : bins) {
    if (bin.valid) valid.push_back(&bin);
  }
  Finding finding{.state = "UNDECIDED"};
  if (valid.empty() || 2 * valid.size() < bins.size()) {
    finding.explanation = fmt::format("only {} of {} bins {} valid, too few for a trend.", valid.size(),
                                      bins.size(), is_or_are(valid.size()));
    return finding;
  }
  const double hours =
      (bins.back().window_begin_seconds + bins.back().duration_seconds - bins.front().window_begin_seconds) /
      kHour;
  std::vector<std::string> trends, moved;
  bool leaks = false;
  bool known = false;
  for (const Quantity& quantity : kQuantities) {
    finding.trends.push_back(trend_of(quantity, valid));
    const HourlyTrend& trend = finding.trends.back();
    if (!trend.ratio) continue;
    known = true;
    trends.push_back(fmt::format("{} {:+.2f} % an hour ({:+.2f} to {:+.2f})", trend.name, *trend.ratio * 100,
                                 trend.ci95->low * 100, trend.ci95->high * 100));
    const bool surely = trend.ci95->low > 0 || trend.ci95->high < 0;
    if (!surely || std::abs(*trend.ratio) * hours <= quantity.tolerated) continue;
    if (trend.name == kMemory) {
      leaks = leaks || *trend.ratio > 0;
    } else {
      moved.push_back(quantity.name);
    }
  }
  finding.explanation = fmt::format("{} requests in flight held for {}, {} of {} bins of {} valid.",
                                    bins.front().concurrency, format_time(hours * kHour), valid.size(),
                                    bins.size(), format_time(bins.front().duration_seconds));
  if (!known) {
    finding.explanation += " Too few bins for a trend.";
    return finding;
  }
  finding.explanation += fmt::format(" Trends: {}.", fmt::join(trends, ", "));
  finding.state = !moved.empty() ? "DRIFTS" : leaks ? "LEAKS" : "STEADY";
  finding.explanation +=
      moved.empty() ? " No drift that counts (beyond chance, and throughput over 3 %, TTFT over 10 %)."
                    : fmt::format(" The target drifts: {}.", fmt::join(moved, " and "));
  if (leaks) finding.explanation += " The agents' own memory grows.";
  return finding;
}

}  // namespace kneepoint::coordinator
