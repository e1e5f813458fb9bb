#include "coordinator/fleet/membership.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <utility>

namespace kneepoint::coordinator {
namespace {

using enum MemberState;
constexpr std::array kAll = {kJoining, kPresent, kAway, kLost, kGone};

TEST(Membership, TheTableIsThisOne) {
  const std::set<std::pair<MemberState, MemberState>> known = {
      {kJoining, kPresent}, {kJoining, kLost}, {kPresent, kAway}, {kPresent, kLost},
      {kAway, kPresent},    {kAway, kLost},    {kLost, kGone}};
  for (const MemberState from : kAll) {
    for (const MemberState to : kAll)
      EXPECT_EQ(may_follow(from, to), known.contains({from, to}))
          << static_cast<int>(from) << " to " << static_cast<int>(to);
  }
}

TEST(Membership, SecondsAreExpectedFromTheJoinToTheEndOfTheLoad) {
  Membership member;
  EXPECT_FALSE(member.takes_part());
  member.join(12);
  EXPECT_TRUE(member.takes_part());
  EXPECT_EQ(member.presence(), (Presence{.from = 12}));
  EXPECT_FALSE(member.presence().over());
  EXPECT_TRUE(member.lose(40, true));
  EXPECT_TRUE(member.lost());
  EXPECT_EQ(member.presence(), (Presence{.from = 12, .until = 40}));
}

TEST(Membership, ABrokenLinkThatIsRestoredIsNoLoss) {
  Membership member;
  member.join(0);
  member.link_broken();
  EXPECT_EQ(member.state(), kAway);
  EXPECT_TRUE(member.takes_part()) << "its load goes on while it dials again";
  member.link_restored();
  EXPECT_EQ(member.state(), kPresent);
  EXPECT_FALSE(member.presence().over());
}

TEST(Membership, ALinkMakesNobodyReady) {
  Membership member;
  member.link_broken();
  member.link_restored();
  EXPECT_EQ(member.state(), kJoining);
  member.join(7);
  EXPECT_EQ(member.presence(), (Presence{.from = 7}));
}

TEST(Membership, WhoIsLostIsLostOnceAndForGood) {
  Membership member;
  member.join(0);
  EXPECT_TRUE(member.lose(40, true));
  EXPECT_FALSE(member.lose(50, true));
  member.link_restored();
  member.join(60);
  EXPECT_TRUE(member.lost());
  EXPECT_EQ(member.presence(), (Presence{.from = 0, .until = 40}));
  member.gone();
  EXPECT_EQ(member.state(), kGone);
}

TEST(Membership, NothingIsExpectedFromOneThatHadNoLoad) {
  Membership member;
  member.join(12);
  EXPECT_TRUE(member.lose(40, false));
  EXPECT_EQ(member.presence(), (Presence{.from = 12, .until = 12}));
}

}  // namespace
}  // namespace kneepoint::coordinator
