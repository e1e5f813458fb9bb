#pragma once

#include "common/clock.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint {

/// What an agent answers to a ClockProbe or a Heartbeat. @param at on its clock: when it came, and when the
/// answer leaves.
template <class Probe>
v1::ClockReply clock_reply(const Probe& probe, MonoTime at) {
  v1::ClockReply reply;
  reply.set_id(probe.id());
  reply.set_probe_sent_at_nanos(probe.sent_at_nanos());
  reply.set_received_at_nanos(at.time_since_epoch().count());
  reply.set_sent_at_nanos(at.time_since_epoch().count());
  return reply;
}

}  // namespace kneepoint
