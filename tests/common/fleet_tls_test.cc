#include "common/fleet_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kneepoint {
namespace {

TEST(FleetTls, ACertificateSpeaksForItsNamesOnly) {
  EXPECT_TRUE(certified({"agent-1"}, "agent-1"));
  EXPECT_TRUE(certified({"other", "Agent-1"}, "agent-1"));
  EXPECT_FALSE(certified({"agent-1"}, "agent-10"));
  EXPECT_FALSE(certified({"agent-10"}, "agent-1"));
  EXPECT_FALSE(certified({}, "agent-1"));
  EXPECT_FALSE(certified({""}, ""));
}

TEST(FleetTls, AnAsteriskStandsForOneLabel) {
  EXPECT_TRUE(certified({"*.load"}, "7.load"));
  EXPECT_FALSE(certified({"*.load"}, "load"));
  EXPECT_FALSE(certified({"*.load"}, ".load"));
  EXPECT_FALSE(certified({"*.load"}, "a.b.load"));
  EXPECT_FALSE(certified({"*.load"}, "7.loads"));
  for (const char* name : {"anything", "a.b", ".b"}) EXPECT_FALSE(certified({"*", "*."}, name)) << name;
}

TEST(FleetTls, FilesComeTogetherOrNotAtAll) {
  ASSERT_TRUE(FleetCredentials::load({}));
  EXPECT_EQ(*FleetCredentials::load({}), nullptr);
  const auto partly = FleetCredentials::load({.cert = "/a", .key = "/b"});
  ASSERT_FALSE(partly);
  EXPECT_THAT(partly.error().message, testing::HasSubstr("belong together"));
  EXPECT_FALSE(FleetCredentials::load({.cert = "/dev/null", .key = "/dev/null", .ca = "/dev/null"}));
}

}  // namespace
}  // namespace kneepoint
