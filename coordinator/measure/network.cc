#include "coordinator/measure/network.h"

#include <fmt/format.h>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

/// Below, TCP makes up for it within what a token takes anyway; a path that is in order loses far less.
constexpr double kLossy = 0.01;

std::optional<double> share(std::uint64_t part, std::uint64_t whole) {
  return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
}

bool surely_above(std::uint64_t part, std::uint64_t whole) {
  return whole > 0 && proportion_lower(static_cast<double>(part), static_cast<double>(whole)) > kLossy;
}

}  // namespace

NetworkSummary network_of(const SegmentCounts& segments) {
  return {.segments = segments,
          .retransmitted_ratio = share(segments.retransmitted, segments.sent),
          .out_of_order_ratio = share(segments.out_of_order, segments.received)};
}

bool surely_lossy(const NetworkSummary& network) {
  const SegmentCounts& segments = network.segments;
  return surely_above(segments.retransmitted, segments.sent) ||
         surely_above(segments.out_of_order, segments.received);
}

std::string loss_text(const NetworkSummary& network) {
  const double again = network.retransmitted_ratio.value_or(-1);
  const double disordered = network.out_of_order_ratio.value_or(-1);
  if (again < 0 && disordered < 0) return "";
  if (again >= disordered)
    return fmt::format("{:.1f} % of the segments sent had to be sent again", again * 100);
  return fmt::format("{:.1f} % of the segments received came out of order", disordered * 100);
}

void flag_loss(Step& step) {
  if (surely_lossy(step.network))
    step.warn("LOSSY", fmt::format("the network loses packets: {}", loss_text(step.network)));
}

}  // namespace kneepoint::coordinator
