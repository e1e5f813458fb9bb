#include "common/agent_caps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/dataset.h"
#include "tests/support/levels.h"

namespace kneepoint {
namespace {

using testing::HasSubstr;

TEST(AgentCaps, AreOfThisAgentsShare) {
  const AgentCaps capped{.max_streams = 10, .max_rate = 50};
  EXPECT_TRUE(capped.check(LoadLevel{.concurrency = 10}));
  EXPECT_FALSE(capped.check(LoadLevel{.concurrency = 11}));
  EXPECT_TRUE(capped.check(LoadLevel{.concurrency = 5}, 2));
  EXPECT_FALSE(capped.check(LoadLevel{.concurrency = 5}, 3)) << "sessions that run three turns at once";
  EXPECT_FALSE(capped.check(LoadLevel{.concurrency = 1u << 31}, 64)) << "counted in more than 32 bits";
  EXPECT_TRUE(capped.check(part_of({.concurrency = 40}, 3, 4)));
  EXPECT_FALSE(capped.check(part_of({.concurrency = 41}, 0, 4, 2)));
  EXPECT_TRUE(capped.check(part_of({.concurrency = 3}, 5, 8)));
  EXPECT_TRUE(AgentCaps{}.check(LoadLevel{.concurrency = 1'000'000}));
  LoadLevel open = part_of({.concurrency = 8, .arrivals = ArrivalProcess{.rate = 200}}, 1, 4);
  EXPECT_TRUE(capped.check(open)) << "a quarter is this agent's";
  open.arrivals->rate = 201;
  EXPECT_FALSE(capped.check(open));
  open.arrivals = ArrivalProcess{.rate = 1, .over = std::chrono::seconds(9), .end_rate = 300};
  EXPECT_FALSE(capped.check(open));
}

TEST(AgentCaps, ARefusalSaysHowMuchAndTheWayOut) {
  const AgentCaps capped{.max_streams = 10, .max_rate = 50};
  const auto streams = capped.check(LoadLevel{.concurrency = 5}, 3);
  ASSERT_FALSE(streams);
  EXPECT_EQ(
      streams.error().message,
      "15 streams (5 sessions of up to 3 turns at once) and it may hold 10: use more agents, load less, or "
      "start it with a higher --max-streams");
  const auto rate = capped.check(LoadLevel{.concurrency = 1, .arrivals = ArrivalProcess{.rate = 60}});
  ASSERT_FALSE(rate);
  EXPECT_THAT(rate.error().message, HasSubstr("60 requests a second and it may send 50: "));
  EXPECT_THAT(rate.error().message, HasSubstr("--max-rate"));
}

TEST(AgentCaps, OnlyConversationsOfADatasetHaveLanes) {
  Dataset wide{.classes = {"c"}, .entries = {{.lanes = 1}, {.lanes = 6}, {}}};
  const std::map<std::string, std::shared_ptr<const Dataset>> datasets{
      {"h", std::make_shared<const Dataset>(wide)}};
  Workload workload;
  EXPECT_EQ(lanes_of(workload, datasets), 1u);
  workload.dataset = DatasetUse{.hash = "h"};
  EXPECT_EQ(lanes_of(workload, datasets), 1u) << "each entry is one request";
  workload.conversation = Conversation{};
  EXPECT_EQ(lanes_of(workload, datasets), 6u);
  workload.dataset->hash = "unknown";
  EXPECT_EQ(lanes_of(workload, datasets), 1u);
}

}  // namespace
}  // namespace kneepoint
