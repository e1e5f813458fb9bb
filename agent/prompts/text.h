#pragma once

#include <cstdint>

namespace kneepoint::agent {

/// Which request this is, over the whole fleet. Everything random about a request is a function of it.
struct RequestIdentity {
  std::uint64_t seed = 0;
  std::uint32_t cell = 0;
  std::uint64_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint32_t slot = 0;
  std::uint64_t k = 0;  ///< The slot's k-th request under this level, from 0. Of an open loop, whose requests
                        ///< are no slot's: the turn, and the arrival's index.
  bool operator==(const RequestIdentity&) const = default;
};

/// What a slot is to send next.
struct Ticket {
  RequestIdentity identity;
  /// Position in the walk over the prompt classes: under a budget the request's index, so that the whole
  /// level meets the classes exactly in proportion; else slot + k, so that every slot meets them all, however
  /// fast.
  std::uint64_t walk = 0;
  std::uint32_t concurrency = 1;  ///< Of the level.
  bool arrival = false;           ///< Of an open loop: k counts its arrivals, and so its sessions.
};

/// 64 well-mixed bits of a request's identity. @param purpose separates independent draws for the same
/// request.
std::uint64_t random_bits(const RequestIdentity& request, std::uint64_t purpose);

/// The purposes of draws; no two share a number.
enum Draw : std::uint64_t {
  kPromptDraw = 0,
  kBackoffDraw = 1,
  kInputDraw = 2,
  kOutputDraw = 3,
  kTextDraw = 4,
  kGroupDraw = 5,
  kTurnsDraw = 6,
  kThinkDraw = 7,
  kBlocksDraw = 8,
  kPrefixDraw = 9,
  kArrivalDraw = 10,
  kSessionDraw = 11,
};

}  // namespace kneepoint::agent
