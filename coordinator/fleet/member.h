#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/fleet/agent_link.h"
#include "coordinator/fleet/clock_sync.h"
#include "coordinator/fleet/fleet.h"
#include "kneepoint/v1/fleet.pb.h"

namespace kneepoint::coordinator {

/// How long an agent may take to answer its probes, or to make itself ready.
inline constexpr Nanos kStartLimit = std::chrono::seconds(30);
/// How often a Fleet::Check is asked while somebody is waited for.
inline constexpr Nanos kCheckInterval = std::chrono::milliseconds(100);
/// Round trips of clock probes, one after the other. One undisturbed trip is enough.
inline constexpr std::size_t kProbes = 9;

/// One agent, from its hello to its end.
struct Fleet::Member : std::enable_shared_from_this<Member> {
  AgentInfo info;
  std::optional<std::uint32_t> number;  ///< Absent while it joins a run that goes on.
  std::shared_ptr<AgentLink> link;      ///< Null while there is none.
  MonoTime broken_at{};                 ///< While there is none: since when.
  std::string broken_why;
  std::vector<ClockSample> samples;            ///< Before the run; in it, those of the last heartbeats.
  MonoTime probed_at{};                        ///< What is awaited carries this instant.
  MonoTime beaten_at{};                        ///< When the last heartbeat was sent to it.
  bool probing = false;                        ///< Its clock is being measured.
  bool late = false;                           ///< It came while the run went on.
  bool loss_told = false;                      ///< By wait().
  bool barred = false;                         ///< It may not come back.
  std::string problem;                         ///< Why it refused or was lost.
  std::uint64_t received = 0;                  ///< The last batch queued for wait().
  std::uint64_t taken = 0;                     ///< The last batch returned by wait().
  std::uint64_t recorded = 0;                  ///< The last batch that a kill cannot lose.
  std::int64_t complete_through = -1;          ///< As its batches have said.
  MonoTime advanced_at{};                      ///< When that last moved; before: when it was ready.
  bool waits = false;                          ///< It has batches behind the last one received.
  std::optional<std::uint64_t> drained_after;  ///< The last batch of all, once it has said so.
  std::optional<LoadLevel> share;              ///< Of the last level.
  std::uint64_t done_epoch = 0;                ///< The last budgeted level that it has ended its share of.

  void probe(MonoTime now) {
    probed_at = now;
    v1::CoordinatorMessage message;
    message.mutable_clock_probe()->set_id(static_cast<std::uint32_t>(samples.size()));
    message.mutable_clock_probe()->set_sent_at_nanos(probed_at.time_since_epoch().count());
    link->send(std::move(message));
  }
  /// The samples have said where its clock stands; false where they contradict each other.
  bool settle_clock() {
    const auto estimate = estimate_offset(samples);
    if (estimate) info.clock = *estimate;
    samples.clear();
    return estimate.has_value();
  }
  void add_ack(v1::CoordinatorMessage& message) const {
    message.mutable_ack()->set_sequence(recorded);
    message.mutable_ack()->set_taken(std::max(taken, recorded));
  }
};

}  // namespace kneepoint::coordinator
