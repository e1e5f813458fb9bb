#include "coordinator/measure/network.h"

#include "coordinator/measure/statistics.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

/// Below, TCP makes up for it within what a token takes anyway; a path that is in order loses far less.
constexpr double kLossy = 0.01;

bool surely_above(std::uint64_t part, std::uint64_t whole) {
  return whole > 0 && proportion_lower(static_cast<double>(part), static_cast<double>(whole)) > kLossy;
}

}  // namespace

NetworkSummary network_of(const SegmentCounts& segments) {
  const auto share = [](std::uint64_t part, std::uint64_t whole) {
    return ratio(static_cast<double>(part), static_cast<double>(whole));
  };
  return {.segments = segments,
          .retransmitted_ratio = share(segments.retransmitted, segments.sent),
          .out_of_order_ratio = share(segments.out_of_order, segments.received)};
}

bool surely_lossy(const NetworkSummary& network) {
  const SegmentCounts& segments = network.segments;
  return surely_above(segments.retransmitted, segments.sent) ||
         surely_above(segments.out_of_order, segments.received);
}

void flag_loss(Step& step) {
  if (surely_lossy(step.network)) step.warn("LOSSY", words::lossy(step.network));
}

}  // namespace kneepoint::coordinator
