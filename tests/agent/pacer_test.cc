#include "agent/load/pacer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "agent/prompts/text.h"

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(SlotStart, AddedSlotsAreSpreadEvenly) {
  const LoadLevel level{
      .concurrency = 8, .effective_at = seconds(10), .warm_slots = 4, .spread_over = seconds(2)};
  EXPECT_EQ(slot_start(level, 4), seconds(10));
  EXPECT_EQ(slot_start(level, 5), milliseconds(10'500));
  EXPECT_EQ(slot_start(level, 7), milliseconds(11'500));
}

TEST(SlotStart, SlotsThatRanElsewhereAreSpreadAmongTheWarmOnes) {
  const LoadLevel rising{
      .concurrency = 8, .effective_at = seconds(10), .warm_slots = 4, .spread_over = seconds(2)};
  EXPECT_EQ(slot_start(rising, 0), seconds(10));
  EXPECT_EQ(slot_start(rising, 3), milliseconds(11'500));
  const LoadLevel falling{
      .concurrency = 4, .effective_at = seconds(10), .warm_slots = 8, .spread_over = seconds(2)};
  EXPECT_EQ(slot_start(falling, 3), milliseconds(11'500));
}

TEST(SlotStart, NothingToSpread) {
  EXPECT_EQ(slot_start({.concurrency = 1, .effective_at = seconds(3)}, 0), seconds(3));
  EXPECT_EQ(slot_start({.concurrency = 4, .effective_at = seconds(3), .warm_slots = 4}, 2), seconds(3));
}

TEST(SlotEnd, SurplusSlotsEndEvenlyFromTheTop) {
  const LoadLevel level{
      .concurrency = 4, .effective_at = seconds(10), .warm_slots = 8, .spread_over = seconds(2)};
  EXPECT_EQ(slot_end(level, 7), seconds(10));
  EXPECT_EQ(slot_end(level, 6), milliseconds(10'500));
  EXPECT_EQ(slot_end(level, 4), milliseconds(11'500));
  EXPECT_EQ(slot_end(level, 3), Nanos::max());
  EXPECT_EQ(slot_end(level, 8), Nanos::min());
}

TEST(SlotEnd, NothingToSpread) {
  EXPECT_EQ(slot_end({.concurrency = 1, .effective_at = seconds(3), .warm_slots = 6}, 4), seconds(3));
  EXPECT_EQ(slot_end({.effective_at = seconds(3)}, 0), Nanos::min());
}

TEST(Backoff, DoublesUpToFiveSecondsAndNeverExceedsIt) {
  constexpr std::uint64_t kMost = UINT64_MAX;
  const std::int64_t full[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
  for (std::uint32_t failures = 1; failures <= 8; ++failures) {
    EXPECT_EQ(backoff(failures, 0), milliseconds(full[failures - 1]) * 4 / 5) << failures;
    EXPECT_LE(backoff(failures, kMost), milliseconds(full[failures - 1])) << failures;
    EXPECT_GT(backoff(failures, kMost), milliseconds(full[failures - 1]) * 999 / 1000) << failures;
  }
  EXPECT_LE(backoff(4'000'000'000u, kMost), seconds(5));
}

TEST(BudgetShare, SharesAddUpToTheBudget) {
  for (std::uint32_t concurrency : {1u, 3u, 4u, 7u}) {
    for (std::uint64_t budget : {0u, 1u, 3u, 10u, 30u, 31u}) {
      std::uint64_t sum = 0;
      for (std::uint32_t slot = 0; slot < concurrency; ++slot) sum += budget_share(budget, slot, concurrency);
      EXPECT_EQ(sum, budget) << concurrency;
    }
  }
  EXPECT_EQ(budget_share(10, 0, 4), 3u);
  EXPECT_EQ(budget_share(10, 2, 4), 2u);
}

TEST(RandomBits, EveryPartOfTheIdentityCounts) {
  const RequestIdentity base{.seed = 1, .cell = 1, .epoch = 1, .attempt = 1, .slot = 1, .k = 1};
  std::set<std::uint64_t> drawn = {random_bits(base, 0), random_bits(base, 1)};
  RequestIdentity other = base;
  other.seed = 2, drawn.insert(random_bits(other, 0)), other = base;
  other.cell = 2, drawn.insert(random_bits(other, 0)), other = base;
  other.epoch = 2, drawn.insert(random_bits(other, 0)), other = base;
  other.attempt = 2, drawn.insert(random_bits(other, 0)), other = base;
  other.slot = 2, drawn.insert(random_bits(other, 0)), other = base;
  other.k = 2, drawn.insert(random_bits(other, 0));
  EXPECT_EQ(drawn.size(), 8u);
}

}  // namespace
}  // namespace kneepoint::agent
