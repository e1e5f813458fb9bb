// Feeds arbitrary text to what reads hosts' metrics, and arbitrary lines to what reads a run's telemetry.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "coordinator/telemetry/engine_metrics.h"
#include "coordinator/telemetry/gpu_metrics.h"
#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/telemetry/telemetry_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kneepoint::coordinator;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ExpositionLimits limits{.bytes = 4096, .line_bytes = 512, .samples = 50, .labels = 8};
  const Exposition exposition = parse_exposition(
      text, [](std::string_view) { return true; }, limits);
  if (exposition.samples.size() > limits.samples) std::abort();
  for (const MetricSample& sample : exposition.samples) {
    if (sample.name.empty() || sample.labels.size() > limits.labels) std::abort();
  }
  TelemetrySample sample{1, "t", "s", read_engine_metrics(exposition.samples, "m").values, {}};
  sample.values.merge(read_gpu_metrics(exposition.samples));
  // What was read can be kept, unless a sum has left the range of numbers.
  if (!parse_telemetry_line(telemetry_line(sample))) std::abort();
  static_cast<void>(parse_telemetry(text));
  return 0;
}
