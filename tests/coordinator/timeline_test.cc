#include "coordinator/timeline/timeline.h"

#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

SnapshotBatch batch(std::int64_t second, std::uint64_t started, std::int64_t complete_through) {
  SecondSnapshot part{.second = second};
  part.series[SeriesKey{.cell = 1}].started = started;
  part.generator.cpu_user = 0.25;
  return {.complete_through = complete_through, .seconds = {part}};
}

TEST(Timeline, PartsOfOneSecondAddUpOverAgentsAndTime) {
  Timeline timeline;
  timeline.add_agent(0);
  timeline.add_agent(1);
  timeline.add(0, batch(4, 10, 4));
  timeline.add(1, batch(4, 5, 4));
  timeline.add(0, batch(4, 1, 5));  // a late event
  const TimelineSecond& second = timeline.seconds().at(4);
  EXPECT_EQ(second.series.at(SeriesKey{.cell = 1}).started, 16u);
  EXPECT_EQ(second.generators.size(), 2u);
  EXPECT_DOUBLE_EQ(second.generators.at(0).cpu_user, 0.5);
}

TEST(Timeline, IsCompleteWhenTheSlowestAgentIs) {
  Timeline timeline;
  EXPECT_EQ(timeline.complete_through(), -1);
  timeline.add_agent(0);
  timeline.add_agent(1);
  timeline.add(0, batch(4, 1, 4));
  EXPECT_EQ(timeline.complete_through(), -1);
  timeline.add(1, batch(2, 1, 2));
  EXPECT_EQ(timeline.complete_through(), 2);
  EXPECT_TRUE(timeline.complete(0, 3));
  EXPECT_FALSE(timeline.complete(0, 4));
}

TEST(Timeline, ALostAgentHoldsNobodyUpButLeavesItsSecondsIncomplete) {
  Timeline timeline;
  timeline.add_agent(0);
  timeline.add_agent(1);
  timeline.add(0, batch(9, 1, 9));
  timeline.add(1, batch(3, 1, 3));
  timeline.lose_agent(1);
  EXPECT_EQ(timeline.complete_through(), 9);
  EXPECT_TRUE(timeline.complete(0, 4));
  EXPECT_FALSE(timeline.complete(2, 5));
  EXPECT_EQ(timeline.agents_lost(), 1u);
}

}  // namespace
}  // namespace kneepoint::coordinator
