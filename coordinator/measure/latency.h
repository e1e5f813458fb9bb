#pragma once

#include <optional>
#include <span>

#include "common/histogram.h"
#include "coordinator/measure/batch_means.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Mean, spread, extremes and median of whatever there is; p90, p95 and p99 only from minimum_count() samples
/// on.
LatencySummary summarise(const Histogram& pooled);

/// The same with intervals of p50 and p95: the spread of each batch's own quantile, centred on the pooled
/// one; where the load moved, its spread about the batches' line, averaged over the batches that the pooled
/// one is made by. Absent where a batch has too few samples for a quantile of its own (5 for p50, 20 for
/// p95).
/// @param by_second one histogram for each second of the window.
LatencySummary summarise(const Histogram& pooled, std::span<const Histogram* const> by_second,
                         const std::optional<Batches>& batches);

}  // namespace kneepoint::coordinator
