#include "tests/simhost/usage_habit.h"

#include <gtest/gtest.h>

namespace kneepoint::simhost {
namespace {

TEST(UsageHabit, EveryHabitHasANameAndCountsInItsWay) {
  for (std::size_t i = 0; i < kUsageHabitCount; ++i) {
    const auto habit = static_cast<UsageHabit>(i);
    EXPECT_EQ(parse_usage_habit(to_string(habit)), habit);
  }
  EXPECT_FALSE(parse_usage_habit("true"));
  const Countable running{.tokens = 30, .chunk = 2, .reasoning = 20, .prompt = 100, .text_bytes = 160};
  const Countable last{.tokens = 40, .reasoning = 20, .prompt = 100, .text_bytes = 200, .last = true};
  const auto both = [&](std::optional<UsageHabit> habit) {
    return std::pair(counted(habit, running), counted(habit, last));
  };
  using Counts = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(both({}), Counts(30, 40));
  EXPECT_EQ(both(UsageHabit::kReasoningTwice), Counts(50, 60));
  EXPECT_EQ(both(UsageHabit::kWithPrompt), Counts(130, 140));
  EXPECT_EQ(both(UsageHabit::kZeros), Counts(0, 0));
  EXPECT_EQ(both(UsageHabit::kZerosUntilLast), Counts(0, 40));
  EXPECT_EQ(both(UsageHabit::kQuarter), Counts(40, 50));
  EXPECT_EQ(both(UsageHabit::kPerChunk), Counts(2, 40));
  EXPECT_EQ(both(UsageHabit::kRestarts), Counts(10, 20));
  EXPECT_EQ(both(UsageHabit::kTenfold), Counts(300, 400));
}

}  // namespace
}  // namespace kneepoint::simhost
