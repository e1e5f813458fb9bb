#include "coordinator/verdict/soak.h"

#include <cmath>
#include <functional>

#include "coordinator/measure/statistics.h"
#include "coordinator/results/throughput.h"
#include "coordinator/words/saturation.h"

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
    finding.explanation = words::too_few_valid_bins(valid.size(), bins.size());
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
    trends.push_back(words::trend(trend));
    const bool surely = trend.ci95->low > 0 || trend.ci95->high < 0;
    if (!surely || std::abs(*trend.ratio) * hours <= quantity.tolerated) continue;
    if (trend.name == kMemory) {
      leaks = leaks || *trend.ratio > 0;
    } else {
      moved.push_back(quantity.name);
    }
  }
  finding.explanation = words::soaked({.concurrency = bins.front().concurrency,
                                       .seconds = hours * kHour,
                                       .bin_seconds = bins.front().duration_seconds,
                                       .valid = valid.size(),
                                       .bins = bins.size()});
  if (!known) {
    finding.explanation += " " + words::too_few_bins();
    return finding;
  }
  finding.state = !moved.empty() ? "DRIFTS" : leaks ? "LEAKS" : "STEADY";
  finding.explanation += " " + (moved.empty() ? words::no_drift() : words::drifts(moved));
  if (leaks) finding.explanation += " " + words::memory_grows();
  finding.explanation += " " + words::trends(trends);
  return finding;
}

}  // namespace kneepoint::coordinator
