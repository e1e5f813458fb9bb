#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/telemetry/signal.h"

namespace kneepoint::coordinator {

/// Whether dcgm-exporter's series `name` is read.
bool is_gpu_metric(std::string_view name);

/// Reads dcgm-exporter: MiB become bytes, % a ratio, mJ joules. Memory, power and energy add up over GPUs;
/// the temperature is the hottest's; activities are means. A GPU that is listed once for every pod that
/// shares it counts once; the slices of a MIG GPU have their own memory and activity, and one power.
/// @param labels only series whose labels have these values: for hosts with more GPUs than the target uses.
SignalValues read_gpu_metrics(const std::vector<MetricSample>& samples,
                              const std::map<std::string, std::string>& labels = {});

}  // namespace kneepoint::coordinator
