#include "coordinator/fleet/clock_sync.h"

namespace kneepoint::coordinator {

std::optional<ClockEstimate> estimate_offset(std::span<const ClockSample> samples) {
  std::optional<ClockEstimate> best;
  for (const ClockSample& sample : samples) {
    const Nanos inside = sample.reply_sent - sample.probe_received;
    const Nanos rtt = (sample.reply_received - sample.probe_sent) - inside;
    if (inside < Nanos(0) || rtt < Nanos(0)) continue;
    if (best && best->rtt <= rtt) continue;
    // Half of the trip after the probe left: what the agent's clock showed then, if both ways took as long.
    best = ClockEstimate{.offset = sample.probe_received - (sample.probe_sent + rtt / 2), .rtt = rtt};
  }
  return best;
}

}  // namespace kneepoint::coordinator
