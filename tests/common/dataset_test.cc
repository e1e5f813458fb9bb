#include "common/dataset.h"

#include <gtest/gtest.h>

#include "kneepoint/v1/plan.pb.h"

namespace kneepoint {
namespace {

using namespace std::chrono_literals;

Dataset sample() {
  return {.classes = {"chat", "code"},
          .entries = {{.prompt_class = 1, .turns = {"什么是量子计算?", "Why?"}, .output_tokens = 7},
                      {.turns = {},
                       .input_tokens = 6955,
                       .output_tokens = 52,
                       .arrival = 1500ms,
                       .blocks = {46, 47, ~std::uint64_t{0}},
                       .later = {{7100, 9, {46, 48}, {0}}, {7200, 0, {}, {0, 1}}},
                       .gaps = {1s, 2500ms},
                       .lanes = 2}},
          .block_tokens = 512,
          .gaps_from_send = true};
}

TEST(DatasetBytes, GoThereAndBack) {
  const std::string bytes = to_bytes(sample());
  const auto back = dataset_from_bytes(bytes);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, sample());
  EXPECT_EQ(to_bytes(*back), bytes) << "the hash is of these bytes";
}

TEST(DatasetBytes, TheHashIsThatOfOtherTools) {
  EXPECT_EQ(content_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_NE(content_hash(to_bytes(sample())), content_hash(""));
}

TEST(DatasetBytes, NothingThatArrivesIsTrusted) {
  const auto refused = [](auto change) {
    v1::Dataset message;
    EXPECT_TRUE(message.ParseFromString(to_bytes(sample())));
    change(message);
    const auto back = dataset_from_bytes(message.SerializeAsString());
    return back ? "" : back.error().message;
  };
  EXPECT_EQ(refused([](auto&) {}), "");
  EXPECT_EQ(refused([](auto& m) { m.clear_classes(); }), "classes: is empty");
  EXPECT_EQ(refused([](auto& m) { m.clear_entries(); }), "entries: is empty");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(0)->set_prompt_class(2); }),
            "entries[0].prompt_class: 2 is not one of 2 classes");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(0)->clear_turns(); }),
            "entries[0]: has neither text nor length");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->set_arrival_nanos(-1); }),
            "entries[1].arrival_nanos: -1 ns is below 0 ns");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->add_gap_nanos(1); }),
            "entries[1].gap_nanos: 3 gaps between 3 turns");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->set_gap_nanos(1, -1); }),
            "entries[1].gap_nanos[1]: -1 ns is below 0 ns");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->mutable_later(0)->clear_input_tokens(); }),
            "entries[1].later[0].input_tokens: is 0");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(0)->add_later()->set_input_tokens(1); }),
            "entries[0].later: stands beside texts");
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->set_lanes(65); }),
            "entries[1].lanes: 65 are more than 64");
  for (const std::uint32_t turn : {1u, 2u, 0xFFFFFFFFu}) {
    EXPECT_EQ(refused([&](auto& m) { m.mutable_entries(1)->mutable_later(0)->set_after(0, turn); }),
              "entries[1].later[0]: waits for turns that are not before it");
  }
  EXPECT_EQ(refused([](auto& m) { m.mutable_entries(1)->mutable_later(1)->set_after(1, 0); }),
            "entries[1].later[1]: waits for turns that are not before it")
      << "twice for the same";
  EXPECT_EQ(refused([](auto& m) { m.set_block_tokens(0); }), "block_tokens: 0 is no size of a block");
  EXPECT_FALSE(dataset_from_bytes("\xff\xff"));
}

TEST(DatasetLanes, TheMostOfAnyEntry) {
  EXPECT_EQ(most_lanes(sample()), 2u);
  Dataset alone = sample();
  alone.entries.pop_back();
  EXPECT_EQ(most_lanes(alone), 1u);
}

TEST(DatasetArrival, IsScaled) {
  EXPECT_EQ(arrival_of(sample().entries[1], 1), 1500ms);
  EXPECT_EQ(arrival_of(sample().entries[1], 0.5), 750ms);
  EXPECT_EQ(arrival_of(sample().entries[0], 2), 0ms);
  EXPECT_EQ(arrival_of(sample().entries[1], 1e300), std::chrono::hours(366 * 24)) << "it fits a clock";
}

}  // namespace
}  // namespace kneepoint
