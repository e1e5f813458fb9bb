#include "common/slot_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/levels.h"

namespace kneepoint {
namespace {

using testing::ElementsAre;

TEST(SlotSet, CountsAndNamesWhatItHas) {
  for (const std::uint32_t of : {1u, 2u, 5u, 12u}) {
    for (std::uint32_t held = 0; held < 1u << of; held += 1 + held / 7) {
      std::vector<std::uint32_t> shares;
      for (std::uint32_t share = 0; share < of; ++share) {
        if ((held >> share & 1) != 0) shares.push_back(share);
      }
      const SlotSet slots(of, shares);
      std::uint32_t so_far = 0;
      for (std::uint32_t slot = 0; slot < 3 * of + 1; ++slot) {
        const bool has = (held >> slot % of & 1) != 0;
        EXPECT_EQ(slots.has(slot), has) << slot << " of " << of;
        EXPECT_EQ(slots.below(slot), so_far) << slot << " of " << of;
        if (!has) continue;
        EXPECT_EQ(slots.at(so_far), slot) << "of " << of;
        ++so_far;
      }
    }
  }
  EXPECT_FALSE(SlotSet().has(0));
  EXPECT_EQ(SlotSet().below(1'000'000), 0u);
}

TEST(SlotSet, OfAThreadAndOfItsAgent) {
  const LoadLevel level{.concurrency = 9, .shares = 4, .held = {{0}, {}, {1, 3}}};
  EXPECT_THAT(slots_below(level, 9), ElementsAre(0, 1, 3, 4, 5, 7, 8));
  EXPECT_EQ(slots_of(level, 0, 3).below(9), 3u);
  EXPECT_EQ(slots_of(level, 1, 3).below(9), 0u);
  EXPECT_EQ(slots_of(level, 2, 3).at(1), 3u);
  EXPECT_EQ(slots_of(level, 3, 4).below(9), 0u) << "none is held for a fourth thread";
}

TEST(SlotSet, WhatNobodyHasDealtIsOneAgents) {
  const LoadLevel level{.concurrency = 5};
  EXPECT_THAT(slots_below(level, 5), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(slots_of(level, 1, 2).at(0), 1u);
  EXPECT_EQ(slots_of(level, 1, 2).below(5), 2u);
}

TEST(SlotSet, OnlySlotsWithARequestHaveAnythingToDo) {
  const SlotSet odd(2, {1});
  EXPECT_EQ(wanted({.concurrency = 8}, odd), 4u);
  EXPECT_EQ(wanted({.concurrency = 8, .budget = 1000}, odd), 4u);
  EXPECT_EQ(wanted({.concurrency = 8, .budget = 3}, odd), 1u);
  EXPECT_EQ(wanted({.concurrency = 8, .budget = 1}, odd), 0u);
  EXPECT_EQ(wanted({.concurrency = 1, .budget = 10}, odd), 0u);
}

}  // namespace
}  // namespace kneepoint
