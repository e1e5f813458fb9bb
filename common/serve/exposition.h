#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/build_identity.h"
#include "common/histogram.h"

namespace kneepoint {

/// A metric family as exported: docs/metrics.md, the rules and the dashboards use exactly these names.
struct MetricDefinition {
  std::string_view name;
  std::string_view help;
};

/// Set in every program.
inline constexpr MetricDefinition kBuildInfo = {"kneepoint_build_info",
                                                "Always 1; version and commit of the program as labels."};

using GaugeFamily = prometheus::Family<prometheus::Gauge>;
using CounterFamily = prometheus::Family<prometheus::Counter>;

/// A Prometheus histogram that takes whole fine histograms at once. Fine buckets go whole into the exported
/// bucket that holds their middle (a shift of at most 0.39 %).
class BulkHistogram {
 public:
  BulkHistogram(prometheus::Family<prometheus::Histogram>& family, const prometheus::Labels& labels,
                const std::vector<double>& bounds);
  void observe(const Histogram& delta);

 private:
  std::vector<std::uint32_t> ends_;  // of each bound: the first of our buckets that lies above it
  prometheus::Histogram* histogram_;
};

/// What one program exports, in Prometheus' text format. Only what is defined can be registered, and
/// kneepoint_build_info is set from the start.
class Exposition {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  /// @param definitions of all families; must outlive it. @param common labels of every family but
  /// kneepoint_build_info.
  Exposition(std::span<const MetricDefinition> definitions, const Build& build,
             prometheus::Labels common = {});

  // The same family for the same name.
  GaugeFamily& gauges(std::string_view name);
  CounterFamily& counters(std::string_view name);
  BulkHistogram histogram(std::string_view name, const prometheus::Labels& labels,
                          const std::vector<double>& bounds);

  /// What is changed while this is held is seen whole by a scrape.
  [[nodiscard]] std::unique_lock<std::mutex> hold() const { return std::unique_lock(mutex_); }
  /// Sorted by name and labels; families without a series are left out. Any thread.
  std::string text() const;

 private:
  const std::span<const MetricDefinition> definitions_;
  const prometheus::Labels common_;
  mutable std::mutex mutex_;
  prometheus::Registry registry_;
};

/// Sets a gauge, or takes the series away where there is no figure.
void put(GaugeFamily& gauges, const prometheus::Labels& labels, std::optional<double> value);

}  // namespace kneepoint
