#include "coordinator/fleet/clock_sync.h"

#include <algorithm>

namespace kneepoint::coordinator {

/// While a reply waits in the agent its clock may gain or lose one part in so many: NTP slews by no more.
constexpr int kApart = 2000;

std::optional<ClockEstimate> estimate_offset(std::span<const ClockSample> samples) {
  std::optional<ClockEstimate> best;
  for (const ClockSample& sample : samples) {
    const Nanos inside = sample.reply_sent - sample.probe_received;
    if (inside < Nanos(0)) continue;
    const Nanos trip = (sample.reply_received - sample.probe_sent) - inside;
    const Nanos round_trip = trip + inside / kApart;
    if (round_trip < Nanos(0)) continue;
    if (best && best->round_trip <= round_trip) continue;
    // Half of the trip after the probe left: what the agent's clock showed then, if both ways took as long.
    best = ClockEstimate{.offset = sample.probe_received - (sample.probe_sent + trip / 2),
                         .round_trip = round_trip};
  }
  return best;
}

Nanos clock_movement(Nanos before, const ClockEstimate& start, const ClockEstimate& now) {
  const Nanos measured = now.offset - start.offset;
  const Nanos error = now.round_trip / 2;
  return std::clamp(before, measured - error, measured + error);
}

}  // namespace kneepoint::coordinator
