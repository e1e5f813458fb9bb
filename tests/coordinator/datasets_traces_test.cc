#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "coordinator/datasets/dataset_file.h"
#include "tests/coordinator/dataset_files.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

class Traces : public DatasetFiles {};

TEST_F(Traces, Mooncake) {
  const Dataset dataset =
      read(file(DatasetFormat::kMooncake,
                R"({"timestamp": 3000, "input_length": 700, "output_length": 26, "hash_ids": [1, 2]})"
                "\n"
                R"({"timestamp": 1000, "input_length": 6755, "output_length": 500, "hash_ids": [0, 46]})"));
  EXPECT_EQ(dataset.block_tokens, 512u);
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0],
            (DatasetEntry{.input_tokens = 6755, .output_tokens = 500, .arrival = 0s, .blocks = {0, 46}}));
  EXPECT_EQ(dataset.entries[1].arrival, 2s);
  // Ids are hashes: all 64 bits of them tell blocks apart.
  EXPECT_EQ(read(file(DatasetFormat::kMooncake,
                      R"({"timestamp": 1, "input_length": 1600, "output_length": 4, )"
                      R"("hash_ids": [1, 4294967297, 9223372036854775809, 18446744073709551615]})"))
                .entries.at(0)
                .blocks,
            (std::vector<std::uint64_t>{1, 4294967297, 9223372036854775809u, 18446744073709551615u}));
  EXPECT_EQ(error(file(DatasetFormat::kMooncake, R"({"timestamp": 1, "output_length": 1})")),
            "1: has no whole number as 'input_length'");
}

TEST_F(Traces, HashIdsOfOtherBlocksAreNotTakenForOnesOwn) {
  const auto trace = [&](int input, const std::string& ids) {
    return file(DatasetFormat::kMooncake, R"({"timestamp": 1, "output_length": 4, "input_length": )" +
                                              std::to_string(input) + R"(, "hash_ids": )" + ids + "}");
  };
  EXPECT_EQ(error(trace(48, "[1, 2, 3]")),
            "1: has 3 'hash_ids' for 48 tokens, where blocks of 512 tokens make 1; say how many tokens its "
            "blocks have ('block_tokens')");
  auto spec = trace(48, "[1, 2, 3]");
  spec.block_tokens = 16;
  EXPECT_EQ(read(spec).block_tokens, 16u);
  EXPECT_EQ(read(spec).entries.at(0).blocks.size(), 3u);
  EXPECT_EQ(error(trace(513, "[1, 2, 3]")).substr(0, 12), "1: has 3 'ha");
  EXPECT_EQ(read(trace(513, "[1, 2]")).entries.at(0).blocks.size(), 2u);
  EXPECT_EQ(read(trace(5130, "[1, 2]")).entries.at(0).blocks.size(), 2u) << "the rest is like no other";
  EXPECT_EQ(read(trace(20, "[11, 12, 13]")).entries.at(0).input_tokens, 20u)
      << "blocks of 8 tokens are nobody's";
  EXPECT_TRUE(read(trace(513, "null")).entries.at(0).blocks.empty());
  EXPECT_EQ(error(trace(513, "\"1, 2\"")), "1: has no list as 'hash_ids'");
}

/// As the README of alibaba-edu/qwen-bailian-usagetraces-anon has it; the figures are invented.
constexpr const char* kBailian =
    R"({"chat_id": 1, "parent_chat_id": -1, "timestamp": 2.5, "input_length": 40, "output_length": 9, "type": "text", "turn": 1, "hash_ids": [1, 2, 3]}
{"chat_id": 2, "parent_chat_id": -1, "timestamp": 3, "input_length": 16, "output_length": 5, "type": "text", "turn": 1, "hash_ids": [4]}
{"chat_id": 3, "parent_chat_id": 1, "timestamp": 10, "input_length": 64, "output_length": 7, "type": "search", "turn": 2, "hash_ids": [1, 2, 5, 6]}
{"chat_id": 4, "parent_chat_id": 1, "timestamp": 11, "input_length": 50, "output_length": 8, "type": "text", "turn": 2, "hash_ids": [1, 2, 7, 8]}
{"chat_id": 5, "parent_chat_id": 3, "timestamp": 11.25, "input_length": 70, "output_length": 6, "type": "text", "turn": 3, "hash_ids": [1, 2, 5, 6, 9]})";

TEST_F(Traces, BailianSessions) {
  auto spec = file(DatasetFormat::kBailian, kBailian);
  EXPECT_EQ(read(spec).entries.size(), 5u) << "requests of nobody in particular";
  spec.sessions = true;
  const Dataset dataset = read(spec);
  EXPECT_EQ(dataset.block_tokens, 16u);
  EXPECT_TRUE(dataset.gaps_from_send);
  ASSERT_EQ(dataset.entries.size(), 3u);
  EXPECT_EQ(dataset.entries[0], (DatasetEntry{.input_tokens = 40,
                                              .output_tokens = 9,
                                              .blocks = {1, 2, 3},
                                              .later = {{64, 7, {1, 2, 5, 6}}, {70, 6, {1, 2, 5, 6, 9}}},
                                              .gaps = {7500ms, 1250ms}}));
  EXPECT_EQ(dataset.entries[1].turn_count(), 1u);
  EXPECT_EQ(dataset.entries[1].arrival, 500ms);
  EXPECT_EQ(dataset.entries[2].input_tokens, 50u) << "the second one that follows chat 1 is on its own";
  EXPECT_EQ(mean_gap(dataset), 4375ms);
  spec.limit = 1;
  EXPECT_EQ(read(spec).entries.at(0).turn_count(), 3u) << "what has begun goes on";
}

TEST_F(Traces, BailianSessionsHoldWhateverTheOrderOfTheLines) {
  std::vector<std::string> lines;
  std::istringstream text(kBailian);
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  auto spec = file(DatasetFormat::kBailian, kBailian);
  spec.sessions = true;
  const Dataset in_order = read(spec);
  std::string reversed;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) reversed += *line + "\n";
  spec = file(DatasetFormat::kBailian, reversed);
  spec.sessions = true;
  EXPECT_EQ(read(spec), in_order);
}

TEST_F(Traces, ABailianChatWhoseParentIsNotInTheFileBeginsASession) {
  auto spec =
      file(DatasetFormat::kBailian,
           R"({"chat_id": 2, "parent_chat_id": 1, "timestamp": 3, "input_length": 16, "output_length": 5}
{"chat_id": 3, "parent_chat_id": 2, "timestamp": 4, "input_length": 32, "output_length": 5})");
  spec.sessions = true;
  EXPECT_EQ(read(spec).entries.at(0).turn_count(), 2u);
}

TEST_F(Traces, BailianMistakesNameTheLine) {
  const auto complaint = [&](const std::string& line) {
    auto spec = file(DatasetFormat::kBailian, std::string(kBailian) + "\n" + line);
    spec.sessions = true;
    return error(spec);
  };
  EXPECT_EQ(complaint(R"({"chat_id": 6, "timestamp": 12, "input_length": 1, "output_length": 1})"),
            "6: has no whole number as 'parent_chat_id'");
  EXPECT_EQ(
      complaint(
          R"({"chat_id": 6, "parent_chat_id": 5, "timestamp": 4, "input_length": 1, "output_length": 1})"),
      "6: comes before the chat that it follows ('parent_chat_id')");
  EXPECT_EQ(
      complaint(R"({"chat_id": 6, "parent_chat_id": 7, "timestamp": 20, "input_length": 1, "output_length": 1}
{"chat_id": 7, "parent_chat_id": 6, "timestamp": 20, "input_length": 1, "output_length": 1})"),
      "6: comes before the chat that it follows ('parent_chat_id')")
      << "in a circle";
  EXPECT_EQ(complaint(R"({"chat_id": 6, "parent_chat_id": -1, "timestamp": "4"})"),
            "6: has no time in seconds as 'timestamp'");
}

TEST_F(Traces, AzureLlm) {
  const Dataset dataset = read(file(DatasetFormat::kAzureLlm,
                                    "TIMESTAMP,ContextTokens,GeneratedTokens\n"
                                    "2023-11-16 23:59:59.5000000,4808,10\n"
                                    "2023-11-17 00:00:00.2500000,3180,8\n"));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[0], (DatasetEntry{.input_tokens = 4808, .output_tokens = 10}));
  EXPECT_EQ(dataset.entries[1].arrival, 750ms);
  EXPECT_EQ(read(file(DatasetFormat::kAzureLlm,
                      "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n"))
                .entries[0]
                .input_tokens,
            2162u);
  EXPECT_EQ(error(file(DatasetFormat::kAzureLlm, "TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,1\n")),
            "2: has no time like 2023-11-16 18:15:46.68 as 'TIMESTAMP'");
  EXPECT_EQ(error(file(DatasetFormat::kAzureLlm,
                       "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-02-30 1:1:1,1,1\n")),
            "2: has no time like 2023-11-16 18:15:46.68 as 'TIMESTAMP'");
}

TEST_F(Traces, BurstGpt) {
  const Dataset dataset = read(file(DatasetFormat::kBurstGpt,
                                    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
                                    "5,ChatGPT,472,18,490,Conversation log\n"
                                    "45.5,GPT-4,1087,0,1087,API log\n"));
  ASSERT_EQ(dataset.entries.size(), 2u);
  EXPECT_EQ(dataset.entries[1].arrival, 40500ms);
  EXPECT_EQ(dataset.entries[0].input_tokens, 472u);
  EXPECT_EQ(dataset.entries[1].output_tokens, 1u);
  EXPECT_EQ(error(file(DatasetFormat::kBurstGpt, "Timestamp,Request tokens,Response tokens\nnoon,1,1\n")),
            "2: has no time in seconds as 'Timestamp'");
}

}  // namespace
}  // namespace kneepoint::coordinator
