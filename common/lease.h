#pragma once

#include "common/clock.h"

/// Who waits for whom, and how long, between a coordinator and its agents. All in one place, because each of
/// these is right only beside the others.
namespace kneepoint::lease {

using std::chrono::seconds;

/// The coordinator's thread that decides sends every agent a heartbeat so often, and every agent answers it.
inline constexpr Nanos kHeartbeat = seconds(1);
/// A heartbeat allows load for so long after it was sent.
inline constexpr Nanos kLength = seconds(8);
/// An agent that has said nothing for so long is lost.
inline constexpr Nanos kSilence = seconds(5);
/// An agent whose link broke goes on with its load for so long, while it dials again.
inline constexpr Nanos kRedial = seconds(2);
/// The coordinator waits for such an agent for so long before it is lost.
inline constexpr Nanos kReturn = seconds(3);
/// After a loss a run waits for those that are on their way back for so long, before it goes on without them.
/// Also a coordinator that was away for longer than a silence waits so long for links that broke meanwhile.
inline constexpr Nanos kGather = seconds(10);
/// An agent that answers, but hands over no further second for so long, is lost: a load thread of it hangs.
inline constexpr Nanos kStill = seconds(30);
/// What clocks and threads that come late may add to any of these.
inline constexpr Nanos kMargin = seconds(1);
/// No load goes on for longer than this once its coordinator is gone: what the documents promise.
inline constexpr Nanos kPromise = seconds(10);
/// Who connects must have said who it is by then.
inline constexpr Nanos kGreeting = seconds(10);
/// HTTP/2 pings on a link where nothing passes, and how long their answer may take. They find a link that is
/// dead; whether a party is there is for the others to judge.
inline constexpr Nanos kKeepaliveInterval = seconds(3);
inline constexpr Nanos kKeepaliveTimeout = seconds(9);

static_assert(4 * kHeartbeat < kSilence, "one lost heartbeat, or three, are no silence");
static_assert(kSilence + kMargin < kLength,
              "a coordinator that is away for less than a silence ends no load");
static_assert(kLength + kMargin < kPromise, "load ends in time even where a thread comes late");
static_assert(kRedial < kReturn, "an agent that may still come back is not lost");
static_assert(kReturn < kGather, "who may still come back from a broken link is waited for");
static_assert(kReturn < kSilence, "a broken link is noticed before the silence that follows it");
static_assert(kStill > kPromise, "who was away for as long as any of these has time to catch up");
static_assert(kKeepaliveTimeout > kLength, "a ping never judges before the lease does");

}  // namespace kneepoint::lease
