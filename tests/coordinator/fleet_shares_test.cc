#include "coordinator/fleet/shares.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "tests/coordinator/fleet_fixture.h"
#include "tests/support/levels.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;

constexpr std::uint32_t kNobody = ~0u;

/// Of a fleet whose table has been dealt.
std::size_t threads_of(const std::vector<ShareHolder>& fleet) {
  std::size_t threads = 0;
  for (const ShareHolder& each : fleet) threads += each.threads;
  return threads;
}

/// Who has each share, as agent and thread in one number.
std::vector<std::uint32_t> owners(const ShareTable& table, const std::vector<ShareHolder>& fleet) {
  std::vector<std::uint32_t> owners(table.shares(), kNobody);
  for (const ShareHolder& each : fleet) {
    const LoadLevel part = table.part({}, each);
    EXPECT_EQ(part.shares, table.shares());
    EXPECT_EQ(part.held.size(), each.threads);
    for (std::uint32_t thread = 0; thread < each.threads; ++thread) {
      for (const std::uint32_t share : part.held[thread]) {
        EXPECT_EQ(owners[share], kNobody) << "share " << share << " twice";
        owners[share] = each.agent << 8 | thread;
      }
    }
  }
  EXPECT_EQ(std::count(owners.begin(), owners.end(), kNobody), 0) << "every share is somebody's";
  return owners;
}

std::map<std::uint32_t, std::uint32_t> sizes(const std::vector<std::uint32_t>& owners) {
  std::map<std::uint32_t, std::uint32_t> sizes;
  for (const std::uint32_t owner : owners) ++sizes[owner];
  return sizes;
}

/// By how many of the first n slots a thread has more or fewer than its part of them, at most, for any n.
double worst_part(const std::vector<std::uint32_t>& owners) {
  auto so_far = sizes(owners);
  const auto threads = static_cast<double>(so_far.size());
  for (auto& [owner, size] : so_far) size = 0;
  double worst = 0;
  for (std::size_t n = 0; n < owners.size(); ++n) {
    ++so_far[owners[n]];
    for (const auto& [owner, has] : so_far)
      worst = std::max(worst, std::abs(has - static_cast<double>(n + 1) / threads));
  }
  return worst;
}

/// How many shares must move, as each thread is to have what it is due and no share moves without need.
std::size_t fewest_moves(const std::vector<std::uint32_t>& before, const std::vector<std::uint32_t>& after) {
  auto had = sizes(before);
  std::size_t moves = 0;
  for (const auto& [owner, size] : sizes(after)) moves += size > had[owner] ? size - had[owner] : 0;
  return moves;
}

std::size_t moves(const std::vector<std::uint32_t>& before, const std::vector<std::uint32_t>& after) {
  std::size_t moved = 0;
  for (std::size_t share = 0; share < before.size(); ++share) moved += before[share] != after[share] ? 1 : 0;
  return moved;
}

TEST(ShareTable, AgentsThatAreAlikeTakeTurns) {
  const std::vector<ShareHolder> fleet{{.agent = 0, .threads = 2}, {.agent = 1, .threads = 2}};
  ShareTable table(4);
  table.deal(fleet);
  const LoadLevel level{.epoch = 4, .concurrency = 10};
  const LoadLevel first = table.part(level, fleet[0]);
  EXPECT_EQ(first.epoch, 4u);
  EXPECT_EQ(first.concurrency, 10u);
  EXPECT_THAT(slots_below(first, 10), ElementsAre(0, 2, 4, 6, 8));
  EXPECT_EQ(slots_of(first, 1, 2).at(0), 2u) << "and so do the threads of each";
  EXPECT_THAT(slots_below(table.part(level, fleet[1]), 10), ElementsAre(1, 3, 5, 7, 9));
}

TEST(ShareTable, LoadIsDealtByThreads) {
  const std::vector<ShareHolder> fleet{{.agent = 3, .threads = 1}, {.agent = 7, .threads = 3}};
  ShareTable table(4);
  table.deal(fleet);
  EXPECT_EQ(slots_of(table.part({}, fleet[0])).below(1000), 250u);
  EXPECT_EQ(slots_of(table.part({}, fleet[1])).below(1000), 750u);
  EXPECT_THAT(slots_below(table.part({}, fleet[0]), 6), ElementsAre(0, 4)) << "a few slots go to every agent";
}

TEST(ShareTable, OnlyWhatWasTheLostOnesMoves) {
  ShareTable table(3);
  table.deal({{.agent = 0}, {.agent = 1}, {.agent = 2}});
  const auto before = owners(table, {{.agent = 0}, {.agent = 1}, {.agent = 2}});
  table.deal({{.agent = 0}, {.agent = 2}});
  const auto after = owners(table, {{.agent = 0}, {.agent = 2}});
  for (std::size_t share = 0; share < before.size(); ++share) {
    if (before[share] >> 8 != 1) {
      EXPECT_EQ(after[share], before[share]) << share;
    }
  }
  EXPECT_LE(worst_part(after), 1.5);
}

TEST(ShareTable, ANewcomerGetsItsPartAndNobodyElseAnything) {
  ShareTable table(3);
  table.deal({{.agent = 0}, {.agent = 1}});
  const auto before = owners(table, {{.agent = 0}, {.agent = 1}});
  const std::vector<ShareHolder> fleet{{.agent = 0}, {.agent = 1}, {.agent = 2}};
  table.deal(fleet);
  const auto after = owners(table, fleet);
  EXPECT_EQ(moves(before, after), table.shares() / 3);
  for (std::size_t share = 0; share < before.size(); ++share) {
    if (after[share] != before[share]) {
      EXPECT_EQ(after[share] >> 8, 2u) << share;
    }
  }
  EXPECT_LE(worst_part(after), 1.5);
}

TEST(ShareTable, AnAgentThatTakesNoPartHoldsNothing) {
  const std::vector<ShareHolder> fleet{{.agent = 0, .threads = 2}, {.agent = 1, .threads = 2}};
  ShareTable table(4);
  table.deal({fleet[0]});
  EXPECT_EQ(slots_of(table.part({}, fleet[0])).below(100), 100u);
  const LoadLevel none = table.part({.concurrency = 100}, fleet[1]);
  EXPECT_EQ(slots_of(none).below(100), 0u);
  EXPECT_EQ(none.held.size(), 2u) << "it still says so for each of its threads";
  EXPECT_EQ(wanted(none, slots_of(none)), 0u);
}

/// Over fleets of all kinds that gain and lose agents: every share is one thread's, threads have as many as
/// each other, any number of slots is spread like all of them, and no share moves without need.
TEST(ShareTable, HoldsForFleetsThatChange) {
  std::mt19937 random(5);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  for (int run = 0; run < 60; ++run) {
    std::uint32_t next = 0;
    const auto another = [&] { return ShareHolder{.agent = next++, .threads = 1 + below(4) * below(2)}; };
    std::vector<ShareHolder> fleet(1 + below(8));
    for (ShareHolder& each : fleet) each = another();
    ShareTable table(threads_of(fleet));
    table.deal(fleet);
    auto before = owners(table, fleet);
    ASSERT_LE(worst_part(before), 1) << "run " << run;
    for (int change = 0; change < 10; ++change) {
      if (fleet.size() > 1 && below(2) == 0) {
        fleet.erase(fleet.begin() + below(static_cast<std::uint32_t>(fleet.size())));
      } else {
        fleet.push_back(another());
      }
      table.deal(fleet);
      const auto after = owners(table, fleet);
      const std::uint32_t each = table.shares() / static_cast<std::uint32_t>(threads_of(fleet));
      for (const auto& [owner, size] : sizes(after)) {
        ASSERT_GE(size, each) << "run " << run << ", change " << change;
        ASSERT_LE(size, each + 1) << "run " << run << ", change " << change;
      }
      ASSERT_EQ(moves(before, after), fewest_moves(before, after)) << "run " << run << ", change " << change;
      ASSERT_LE(worst_part(after), 4) << "run " << run << ", change " << change;
      before = after;
    }
  }
}

TEST(ShareTable, LargeFleetsHaveMoreShares) {
  EXPECT_EQ(ShareTable(1).shares(), 840u);
  std::vector<ShareHolder> fleet;
  for (std::uint32_t agent = 0; agent < 1000; ++agent) fleet.push_back({.agent = agent, .threads = 4});
  ShareTable table(threads_of(fleet));
  table.deal(fleet);
  const auto before = sizes(owners(table, fleet));
  EXPECT_GE(before.begin()->second, 64u) << "so that one more or less is nothing";
  fleet.pop_back();
  table.deal(fleet);
  EXPECT_EQ(sizes(owners(table, fleet)).size(), 3996u);
}

TEST_F(FleetTest, ALossLeavesTheSlotsOfTheOthersWhereTheyAre) {
  listen();
  TestAgent a(unix_address(), "a"), b(unix_address(), "b", {.threads = 2}), c(unix_address(), "c");
  assemble_and_start(3);
  fleet_->send({.epoch = 1, .concurrency = 8});
  ASSERT_TRUE(pump_until([&] { return !c.log->read().levels.empty(); }));
  EXPECT_THAT(slots_below(c.log->read().levels[0], 8), ElementsAre(2, 6));
  c.stop();
  ASSERT_TRUE(pump_until([&] { return !lost_.empty(); }));
  fleet_->send({.epoch = 2, .concurrency = 8});
  for (TestAgent* agent : {&a, &b}) {
    ASSERT_TRUE(agent->log->wait_for([](const auto& state) { return state.levels.size() == 2; }));
    const auto levels = agent->log->read().levels;
    EXPECT_EQ(levels[0].shares, levels[1].shares);
    for (std::size_t thread = 0; thread < levels[0].held.size(); ++thread) {
      const auto &had = levels[0].held[thread], &has = levels[1].held[thread];
      EXPECT_TRUE(std::includes(has.begin(), has.end(), had.begin(), had.end())) << thread;
    }
  }
  const LoadLevel of_a = a.log->read().levels[1], of_b = b.log->read().levels[1];
  EXPECT_EQ(slots_of(of_a).below(of_a.shares), of_a.shares / 3) << "by their threads";
  EXPECT_EQ(slots_of(of_b).below(of_b.shares), of_b.shares / 3 * 2);
}

}  // namespace
}  // namespace kneepoint::coordinator
