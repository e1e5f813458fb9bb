#include "coordinator/fleet/membership.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using enum MemberState;

constexpr std::array kTransitions = {
    std::pair{kJoining, kPresent}, std::pair{kPresent, kAway}, std::pair{kAway, kPresent},
    std::pair{kJoining, kLost},    std::pair{kPresent, kLost}, std::pair{kAway, kLost},
    std::pair{kLost, kGone},
};

}  // namespace

bool may_follow(MemberState from, MemberState to) {
  return std::find(kTransitions.begin(), kTransitions.end(), std::pair{from, to}) != kTransitions.end();
}

bool Membership::step(MemberState to) {
  if (!may_follow(state_, to)) return false;
  state_ = to;
  return true;
}

void Membership::join(std::int64_t from) {
  if (step(kPresent)) presence_.from = from;
}

bool Membership::lose(std::int64_t until, bool had_load) {
  if (!step(kLost)) return false;
  presence_.until = had_load ? std::max(until, presence_.from) : presence_.from;
  return true;
}

}  // namespace kneepoint::coordinator
