#include "coordinator/fleet/caps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/dataset.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class Caps : public testing::Test {
 protected:
  Caps() {
    plan_.targets.push_back({.name = "host"});
    plan_.scenarios.push_back({.name = "chat"});
  }
  Ramp& ramp() { return plan_.scenarios[0].ramp; }
  void add_agent(const std::string& name, AgentCaps caps, std::uint32_t threads = 1) {
    AgentInfo agent;
    agent.name = name;
    agent.threads = threads;
    agent.caps = caps;
    agents_.push_back(agent);
  }
  CapCheck checked() const { return check_caps(plan_, cells_of(plan_), agents_, agents_.size()); }

  Plan plan_;
  std::vector<AgentInfo> agents_;
};

TEST_F(Caps, TheFirstLevelThatAnAgentWillRefuseIsNamed) {
  add_agent("a", {.max_streams = 8});
  ramp().steps = {4, 8};
  EXPECT_EQ(checked().fault, "");
  ramp().steps = {4, 9, 16};
  EXPECT_EQ(checked().fault,
            "chat: a load of 9 gives agent a 9 streams and it may hold 8: use more agents, load less, or "
            "start it with a higher --max-streams");
  agents_[0].caps = {};
  EXPECT_EQ(checked().fault, "") << "0 is no cap";
}

TEST_F(Caps, EachAgentIsAskedForItsShare) {
  add_agent("a", {.max_streams = 8});
  add_agent("b", {.max_streams = 12}, 3);
  ramp().steps = {16};
  EXPECT_EQ(checked().fault, "") << "each thread gets as much: 4 for a, and 12 for b";
  ramp().steps = {20};
  EXPECT_THAT(checked().fault, testing::HasSubstr("gives agent b 15 streams and it may hold 12"));
}

TEST_F(Caps, WideSessionsCountTheirLanes) {
  add_agent("a", {.max_streams = 8});
  const Dataset wide{.classes = {"c"}, .entries = {{.lanes = 3}}};
  plan_.datasets["h"] = std::make_shared<const Dataset>(wide);
  plan_.scenarios[0].workload.dataset = DatasetUse{.hash = "h"};
  plan_.scenarios[0].workload.conversation = Conversation{};
  ramp().steps = {2, 3};
  EXPECT_THAT(checked().fault,
              testing::HasSubstr("a load of 3 gives agent a 9 streams (3 sessions of up to 3 "
                                 "turns at once) and it may hold 8"));
}

TEST_F(Caps, OfAnOpenLoopBothItsRateAndWhatItMayHold) {
  add_agent("a", {.max_streams = 600, .max_rate = 50});
  ramp().open = OpenLoop{.steps = {{.rate = 40}, {.rate = 60}}, .max_in_flight = 512};
  EXPECT_THAT(checked().fault,
              testing::HasSubstr("a rate of 60 (max_in_flight 512) gives agent a 60 requests a "
                                 "second and it may send 50"));
  agents_[0].caps.max_streams = 500;
  EXPECT_THAT(checked().fault,
              testing::HasSubstr("a rate of 40 (max_in_flight 512) gives agent a 512 streams "
                                 "and it may hold 500"));
}

TEST_F(Caps, OfALoadThatMovesTheHighestCounts) {
  add_agent("a", {.max_streams = 600, .max_rate = 50});
  ramp().steps = {500, 600};
  ramp().linear = LinearRamp{.from = 700, .to = 400, .over = 60s};
  EXPECT_THAT(checked().fault, testing::HasSubstr("a load of up to 700 gives agent a 700 streams"));
  ramp().open = OpenLoop{.steps = {{.rate = 30}}};
  ramp().linear = LinearRamp{.from = 20, .to = 51, .over = 60s};
  EXPECT_THAT(checked().fault, testing::HasSubstr("a rate of 20 to 51 (max_in_flight 512) gives agent a 51"));
}

TEST_F(Caps, WhatASearchMayComeToIsARemarkOnce) {
  add_agent("a", {.max_streams = 1000});
  ramp().search = Search{};
  plan_.targets.push_back({.name = "other"});
  EXPECT_EQ(checked().fault, "");
  EXPECT_THAT(
      checked().remarks,
      ElementsAre("chat: a search up to 4096 gives agent a 4096 streams and it may hold 1000: use more "
                  "agents, load less, or start it with a higher --max-streams; else a search that "
                  "comes there loses it"));
  ramp().search->max = 1000;
  EXPECT_THAT(checked().remarks, IsEmpty());
}

}  // namespace
}  // namespace kneepoint::coordinator
