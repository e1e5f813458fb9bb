#pragma once

#include "coordinator/timeline/presence.h"

namespace kneepoint::coordinator {

/// Where an agent stands in a run. One that comes back after it was lost is another member, with a number of
/// its own, so that nothing of what it was can be taken for what it is.
enum class MemberState {
  kJoining,  ///< It is there, and makes itself ready: it has no load.
  kPresent,  ///< It has load, or gets it with the next level.
  kAway,     ///< The same, but its link is broken: it may come back and go on.
  kLost,     ///< It gets no load any more. What it had measured it may still hand over.
  kGone,     ///< Nothing more is to come from it.
};

/// Whether the one may follow the other: the transition table.
///
///   joining -> present <-> away       joining, present, away -> lost -> gone
bool may_follow(MemberState from, MemberState to);

/// The state of one agent and the seconds that are expected from it, which follow from each other: the one
/// place that says who is lost. Pure; times are seconds since the run's zero.
class Membership {
 public:
  MemberState state() const { return state_; }
  bool lost() const { return state_ == MemberState::kLost || state_ == MemberState::kGone; }
  /// Whether it has load, or may have.
  bool takes_part() const { return state_ == MemberState::kPresent || state_ == MemberState::kAway; }
  Presence presence() const { return presence_; }

  /// It is ready, and a part of the fleet from that second on.
  void join(std::int64_t from);
  void link_broken() { step(MemberState::kAway); }
  /// Of one whose link was broken: it makes nobody ready.
  void link_restored() {
    if (state_ == MemberState::kAway) step(MemberState::kPresent);
  }
  /// @param until when its load has surely ended; of one that never had any, nothing is expected at all.
  /// @returns false where it was lost before.
  bool lose(std::int64_t until, bool had_load);
  /// It has handed over everything, or never will.
  void gone() { step(MemberState::kGone); }

 private:
  /// What the table does not know changes nothing.
  bool step(MemberState to);

  MemberState state_ = MemberState::kJoining;
  Presence presence_;
};

}  // namespace kneepoint::coordinator
