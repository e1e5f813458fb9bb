#include "coordinator/measure/network.h"
#include "coordinator/words/rows.h"

#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

TEST(Network, WhatIsLostIsAShareOfEachWay) {
  const NetworkSummary network =
      network_of({.sent = 200, .retransmitted = 5, .received = 10000, .out_of_order = 300});
  EXPECT_NEAR(network.retransmitted_ratio.value_or(0), 0.025, 1e-9);
  EXPECT_NEAR(network.out_of_order_ratio.value_or(0), 0.03, 1e-9);
  EXPECT_NEAR(network.loss_ratio().value_or(0), 0.03, 1e-9);
  EXPECT_EQ(words::packet_loss(network), "3.0 % of the segments received came out of order");
  EXPECT_EQ(words::packet_loss(network_of({.sent = 200, .retransmitted = 10, .received = 10000})),
            "5.0 % of the segments sent had to be sent again");
}

TEST(Network, WithoutCountsNothingIsSaid) {
  const NetworkSummary none = network_of({});
  EXPECT_FALSE(none.loss_ratio());
  EXPECT_FALSE(surely_lossy(none));
  EXPECT_EQ(words::packet_loss(none), "");
}

TEST(Network, OneLostSegmentOfFewIsChance) {
  EXPECT_FALSE(surely_lossy(network_of({.sent = 20, .retransmitted = 1, .received = 100})));
  EXPECT_FALSE(surely_lossy(network_of({.sent = 10000, .retransmitted = 40, .received = 100000})));
  EXPECT_TRUE(surely_lossy(network_of({.sent = 1000, .retransmitted = 30, .received = 100000})));
  EXPECT_TRUE(surely_lossy(network_of({.sent = 1000, .received = 100000, .out_of_order = 1500})));
}

TEST(Network, ARowOfALossyOneSaysSoAndStaysValid) {
  Step step;
  step.network = network_of({.sent = 1000, .retransmitted = 50, .received = 1000});
  flag_loss(step);
  EXPECT_TRUE(step.valid);
  EXPECT_TRUE(step.has_flag("LOSSY"));
  Step clean;
  clean.network = network_of({.sent = 1000, .received = 1000});
  flag_loss(clean);
  EXPECT_TRUE(clean.flags.empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
