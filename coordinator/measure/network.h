#pragma once

#include "coordinator/results/model.h"

/// What became of segments between the load generator and the target.
namespace kneepoint::coordinator {

/// `segments`, with the shares of them that were lost.
NetworkSummary network_of(const SegmentCounts& segments);

/// Whether surely more than 1 % of the segments of either way were lost (exact lower 95 % bound).
bool surely_lossy(const NetworkSummary& network);

/// Flags a step of a lossy network: LOSSY.
void flag_loss(Step& step);

}  // namespace kneepoint::coordinator
