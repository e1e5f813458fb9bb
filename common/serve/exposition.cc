#include "common/serve/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

namespace kneepoint {
namespace {

template <class Builder>
auto& family(prometheus::Registry& registry, Builder builder, const MetricDefinition& definition,
             const prometheus::Labels& labels) {
  return builder.Name(std::string(definition.name))
      .Help(std::string(definition.help))
      .Labels(labels)
      .Register(registry);
}

const MetricDefinition& defined(std::span<const MetricDefinition> definitions, std::string_view name) {
  for (const MetricDefinition& definition : definitions) {
    if (definition.name == name) return definition;
  }
  throw std::logic_error("metric without a definition: " + std::string(name));
}

auto label_order(const prometheus::ClientMetric& metric) {
  std::vector<std::pair<std::string, std::string>> order;
  for (const auto& label : metric.label) order.emplace_back(label.name, label.value);
  return order;
}

}  // namespace

BulkHistogram::BulkHistogram(prometheus::Family<prometheus::Histogram>& family,
                             const prometheus::Labels& labels, const std::vector<double>& bounds)
    : histogram_(&family.Add(labels, bounds)) {
  std::uint32_t index = 0;
  for (const double bound : bounds) {
    while (index < HistogramLayout::kBucketCount && HistogramLayout::middle_seconds(index) <= bound) ++index;
    ends_.push_back(index);
  }
}

void BulkHistogram::observe(const Histogram& delta) {
  if (delta.empty()) return;
  std::vector<double> increments(ends_.size() + 1, 0.0);
  std::size_t at = 0;
  for (const Histogram::Bucket& bucket : delta.buckets()) {
    while (at < ends_.size() && bucket.index >= ends_[at]) ++at;
    increments[at] += static_cast<double>(bucket.count);
  }
  increments.back() += static_cast<double>(delta.overflow());
  histogram_->ObserveMultiple(increments, delta.sum_seconds());
}

Exposition::Exposition(std::span<const MetricDefinition> definitions, const Build& build,
                       prometheus::Labels common)
    : definitions_(definitions), common_(std::move(common)) {
  family(registry_, prometheus::BuildGauge(), defined(definitions_, kBuildInfo.name), {})
      .Add({{"version", build.version}, {"commit", build.commit}})
      .Set(1);
}

GaugeFamily& Exposition::gauges(std::string_view name) {
  return family(registry_, prometheus::BuildGauge(), defined(definitions_, name), common_);
}

CounterFamily& Exposition::counters(std::string_view name) {
  return family(registry_, prometheus::BuildCounter(), defined(definitions_, name), common_);
}

BulkHistogram Exposition::histogram(std::string_view name, const prometheus::Labels& labels,
                                    const std::vector<double>& bounds) {
  return {family(registry_, prometheus::BuildHistogram(), defined(definitions_, name), common_), labels,
          bounds};
}

std::string Exposition::text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const auto lock = hold();
    families = registry_.Collect();
  }
  // The registry keeps series in hash order.
  std::erase_if(families, [](const prometheus::MetricFamily& each) { return each.metric.empty(); });
  std::sort(families.begin(), families.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  for (prometheus::MetricFamily& each : families) {
    std::sort(each.metric.begin(), each.metric.end(),
              [](const auto& a, const auto& b) { return label_order(a) < label_order(b); });
  }
  return prometheus::TextSerializer().Serialize(families);
}

void put(GaugeFamily& gauges, const prometheus::Labels& labels, std::optional<double> value) {
  if (value && std::isfinite(*value)) {
    gauges.Add(labels).Set(*value);
  } else if (gauges.Has(labels)) {
    gauges.Remove(&gauges.Add(labels));
  }
}

}  // namespace kneepoint
