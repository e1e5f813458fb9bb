#include "agent/prompts/prompt_source.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace kneepoint::agent {
namespace {

using namespace std::chrono_literals;

std::size_t word_count(std::string_view text) {
  const auto blanks = static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  return blanks + (text.starts_with(' ') ? 0 : 1);
}

class Source : public testing::Test {
 protected:
  Source() { cell_.workload.classes = {{.name = "default", .prompts = {}, .weight = 1}}; }

  const PromptSource& source() {
    if (!source_) {
      auto made = PromptSource::create(cell_, text_seed_, dataset_);
      EXPECT_TRUE(made) << made.error().message;
      source_ = std::move(*made);
    }
    return *source_;
  }
  static Ticket ticket(std::uint32_t slot, std::uint64_t k, std::uint32_t concurrency = 8,
                       std::uint64_t epoch = 1) {
    return {.identity = {.seed = 42, .cell = 0, .epoch = epoch, .attempt = 1, .slot = slot, .k = k},
            .walk = slot + k,
            .concurrency = concurrency};
  }
  std::string text(const Ticket& of) {
    ConversationState none;
    const PromptPick pick = source().pick(of, none);
    return std::string(source().render(pick, none, buffer_).text);
  }
  void synthetic(const Synthetic& synthetic) { cell_.workload.synthetic = synthetic; }
  void trace(std::vector<DatasetEntry> entries) {
    Dataset dataset{.classes = {"default"}, .entries = std::move(entries), .block_tokens = 512};
    dataset_ = std::make_shared<const Dataset>(std::move(dataset));
    cell_.workload.dataset =
        DatasetUse{.hash = "h", .bytes = 1, .order = DatasetOrder::kSequential, .lengths_only = true};
  }

  Cell cell_;
  std::uint64_t text_seed_ = 42;
  std::shared_ptr<const Dataset> dataset_;
  std::unique_ptr<const PromptSource> source_;
  PromptBuffer buffer_;
};

TEST_F(Source, MadeTextsHaveTheLengthThatCalibrationGives) {
  synthetic({.input_tokens = 1000});
  cell_.calibration = {.tokens_per_word = 1.25, .overhead_tokens = 20};
  EXPECT_EQ(word_count(text(ticket(0, 0))), 784u);  // (1000 − 20) / 1.25
}

TEST_F(Source, EveryMadeTextIsItsOwnAndTheSameAgain) {
  synthetic({.input_tokens = 16});
  std::set<std::string> beginnings;
  for (std::uint32_t slot = 0; slot < 50; ++slot) {
    for (std::uint64_t k = 0; k < 20; ++k) beginnings.insert(text(ticket(slot, k)).substr(0, 40));
  }
  EXPECT_EQ(beginnings.size(), 1000u);
  EXPECT_EQ(text(ticket(7, 3)), text(ticket(7, 3)));
  EXPECT_NE(text(ticket(7, 3)), text(ticket(7, 3, 8, 2))) << "another level, another text";
}

TEST_F(Source, ASharedPrefixIsSharedByItsGroupOnly) {
  synthetic({.input_tokens = 300, .shared_prefix_tokens = 100, .prefix_groups = 3});
  std::map<std::string, std::set<std::string>> rest_by_prefix;
  for (std::uint64_t k = 0; k < 60; ++k) {
    const std::string whole = text(ticket(1, k, 8, 1 + k % 2));
    EXPECT_EQ(word_count(whole), 300u);
    rest_by_prefix[whole.substr(0, 499)].insert(whole.substr(499));
  }
  EXPECT_EQ(rest_by_prefix.size(), 3u) << "groups outlive levels";
  std::size_t rests = 0;
  for (const auto& [prefix, rest] : rest_by_prefix) rests += rest.size();
  EXPECT_EQ(rests, 60u);
}

TEST_F(Source, APrefixLeavesAtLeastOneWord) {
  Distribution lengths;
  lengths.kind = Distribution::Kind::kUniform;
  lengths.min = 10, lengths.max = 200;
  synthetic({.input_tokens = lengths, .shared_prefix_tokens = 100});
  std::set<std::string> texts;
  for (std::uint64_t k = 0; k < 100; ++k) texts.insert(text(ticket(0, k)));
  EXPECT_GT(texts.size(), 90u);
}

TEST_F(Source, AnotherRunAsksForTheSameLengthsInOtherWords) {
  Distribution lengths;
  lengths.kind = Distribution::Kind::kUniform;
  lengths.min = 50, lengths.max = 90;
  synthetic({.input_tokens = lengths, .shared_prefix_tokens = 20, .prefix_groups = 2});
  std::vector<std::string> first, second;
  for (std::uint64_t k = 0; k < 20; ++k) first.push_back(text(ticket(1, k)));
  source_.reset();
  text_seed_ = 43;
  for (std::uint64_t k = 0; k < 20; ++k) second.push_back(text(ticket(1, k)));
  for (std::size_t k = 0; k < first.size(); ++k) {
    EXPECT_EQ(word_count(first[k]), word_count(second[k]));
    EXPECT_NE(first[k].substr(0, 40), second[k].substr(0, 40)) << "not even the shared beginning is known";
  }
}

TEST_F(Source, LengthsFollowTheirDistributions) {
  Distribution lengths;
  lengths.kind = Distribution::Kind::kEmpirical;
  lengths.values = {32, 64};
  synthetic({.input_tokens = lengths});
  cell_.workload.output_tokens = lengths;
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> seen;
  for (std::uint64_t k = 0; k < 400; ++k) {
    ConversationState none;
    const PromptPick pick = source().pick(ticket(0, k), none);
    ++seen[{pick.input_tokens, pick.output_tokens.value()}];
  }
  ASSERT_EQ(seen.size(), 4u) << "input and output are drawn apart";
  for (const auto& [lengths_of, count] : seen) EXPECT_NEAR(count, 100, 40);
}

TEST_F(Source, GivenTextsAreVerbatimUnlessUnique) {
  cell_.workload.classes[0].prompts = {"Hello"};
  EXPECT_EQ(text(ticket(0, 0)), "Hello");
  source_.reset();
  cell_.workload.unique = true;
  std::set<std::string> texts;
  for (std::uint64_t k = 0; k < 100; ++k) {
    const std::string whole = text(ticket(0, k));
    EXPECT_TRUE(whole.ends_with(" Hello"));
    texts.insert(whole);
  }
  EXPECT_EQ(texts.size(), 100u);
}

TEST_F(Source, ClassesAreWalkedByWeightAndMeetEveryPrompt) {
  cell_.workload.classes = {{"short", {"a", "b", "c", "d"}, 2}, {"never", {"x"}, 0}, {"long", {"e"}, 1}};
  std::map<std::string, int> met;
  for (std::uint64_t k = 0; k < 300; ++k) ++met[text(ticket(5, k))];
  EXPECT_EQ(met["e"], 100);
  EXPECT_EQ(met["a"] + met["b"] + met["c"] + met["d"], 200);
  for (const char* prompt : {"a", "b", "c", "d"}) EXPECT_GT(met[prompt], 20) << prompt;
}

TEST_F(Source, ASequentialDatasetIsDealtToTheSlotsInOrder) {
  std::vector<DatasetEntry> entries;
  for (std::uint32_t i = 1; i <= 10; ++i) entries.push_back({.input_tokens = 10 * i, .output_tokens = i});
  trace(entries);
  for (std::uint32_t index = 0; index < 25; ++index) {
    const std::uint32_t concurrency = 4;
    ConversationState none;
    const PromptPick pick =
        source().pick(ticket(index % concurrency, index / concurrency, concurrency), none);
    EXPECT_EQ(pick.output_tokens, index % 10 + 1);
    EXPECT_EQ(pick.input_tokens, 10 * (index % 10 + 1));
  }
}

TEST_F(Source, ATracesBlocksAreTheSameTextWhereTheirIdsAre) {
  trace({{.input_tokens = 1100, .output_tokens = 1, .blocks = {7, 8, 9}},
         {.input_tokens = 1100, .output_tokens = 1, .blocks = {7, 8, 10}},
         {.input_tokens = 600, .output_tokens = 1, .blocks = {11, 8}}});
  const std::string a = text(ticket(0, 0)), b = text(ticket(1, 0)), c = text(ticket(2, 0));
  EXPECT_EQ(word_count(a), 1100u);
  const auto common = std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
  EXPECT_GE(common, 1024 * 5 - 1);
  EXPECT_LE(common, 1028 * 5);
  EXPECT_EQ(word_count(c), 600u);
  EXPECT_NE(a.substr(0, 40), c.substr(0, 40));
  EXPECT_EQ(a.substr(512 * 5, 80), c.substr(512 * 5, 80)) << "block 8 in the same place";
  EXPECT_NE(a, text(ticket(0, 0, 8, 2))) << "not shared with the step before";
}

TEST_F(Source, ARandomDatasetMeetsAllItsEntriesAndClasses) {
  Dataset dataset{.classes = {"a", "b"}};
  for (std::uint32_t i = 0; i < 10; ++i)
    dataset.entries.push_back({.prompt_class = i % 2, .turns = {"prompt " + std::to_string(i)}});
  dataset_ = std::make_shared<const Dataset>(dataset);
  cell_.workload.classes = {{.name = "a"}, {.name = "b"}};
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1};
  std::map<std::string, int> seen;
  for (std::uint64_t k = 0; k < 1000; ++k) ++seen[text(ticket(3, k))];
  EXPECT_EQ(seen.size(), 10u);
  for (const auto& [prompt, count] : seen) EXPECT_NEAR(count, 100, 45) << prompt;
}

TEST_F(Source, ConversationsGrowByWhatWasSaid) {
  synthetic({.input_tokens = 20});
  cell_.workload.conversation = Conversation{.turns = 3, .think_time = 1.5};
  ConversationState conversation;
  std::vector<std::string> said;
  for (std::uint64_t k = 0; k < 4; ++k) {
    const PromptPick pick = source().pick(ticket(0, k), conversation);
    EXPECT_EQ(pick.turn, k % 3);
    const Prompt prompt = source().render(pick, conversation, buffer_);
    ASSERT_EQ(prompt.history.size(), k % 3);
    for (std::size_t i = 0; i < prompt.history.size(); ++i) {
      EXPECT_EQ(prompt.history[i].user, said[i]) << "made again as it was";
      EXPECT_EQ(prompt.history[i].answer_json, "answer " + std::to_string(i));
    }
    said.emplace_back(prompt.text);
    conversation.add_answer("answer ");
    conversation.add_answer(std::to_string(k));
    conversation.answered(pick);
    EXPECT_EQ(conversation.over(), k == 2);
  }
  EXPECT_EQ(source().think_time(ticket(0, 0).identity, {}, 400ms), 1500ms);
  conversation.abandon();
  EXPECT_TRUE(conversation.over());
}

TEST_F(Source, ADatasetsConversationHasItsOwnTurns) {
  dataset_ = std::make_shared<const Dataset>(
      Dataset{.classes = {"default"}, .entries = {{.turns = {"one", "two"}}, {.turns = {"three"}}}});
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1, .order = DatasetOrder::kSequential};
  cell_.workload.conversation = Conversation{};
  ConversationState conversation;
  std::string heard;
  for (std::uint64_t k = 0; k < 6; ++k) {
    const PromptPick pick = source().pick(ticket(0, k, 1), conversation);
    heard += std::string(source().render(pick, conversation, buffer_).text) + " ";
    conversation.answered(pick);
  }
  EXPECT_EQ(heard, "one two three one two three ");
}

TEST_F(Source, ATracesSessionHasPromptsOfItsOwnThatBeginAlike) {
  trace({{.input_tokens = 600,
          .output_tokens = 5,
          .blocks = {7, 8},
          .later = {{1100, 6, {7, 9, 10}}},
          .gaps = {10s}}});
  cell_.workload.dataset->time_scale = 0.5;
  cell_.workload.conversation = Conversation{.think_time = 1};
  ConversationState conversation;
  const PromptPick first = source().pick(ticket(0, 0), conversation);
  const std::string before(source().render(first, conversation, buffer_).text);
  conversation.answered(first);
  const PromptPick second = source().pick(ticket(0, 1), conversation);
  const Prompt prompt = source().render(second, conversation, buffer_);
  EXPECT_EQ(second.turn, 1u);
  EXPECT_EQ(second.output_tokens, 6u);
  EXPECT_TRUE(prompt.history.empty()) << "the prompt holds what was said before";
  EXPECT_EQ(word_count(prompt.text), 1100u);
  EXPECT_EQ(prompt.text.substr(0, 512 * 5), before.substr(0, 512 * 5)) << "block 7";
  EXPECT_NE(prompt.text.substr(512 * 5, 80), before.substr(512 * 5, 80));
  EXPECT_EQ(source().think_time(ticket(0, 0).identity, first, 2s), 5s) << "half of the gap, from the answer";
  cell_.workload.dataset->time_scale = 1e300;
  EXPECT_EQ(source().think_time(ticket(0, 0).identity, first, 2s), std::chrono::hours(366 * 24));
  conversation.answered(second);
  EXPECT_TRUE(conversation.over());
}

TEST_F(Source, AGapThatBeginsWithTheSendHoldsTheAnswer) {
  Dataset dataset{.classes = {"default"},
                  .entries = {{.turns = {"a", "b", "c"}, .gaps = {3s, 7s}}},
                  .gaps_from_send = true};
  dataset_ = std::make_shared<const Dataset>(std::move(dataset));
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1};
  cell_.workload.conversation = Conversation{};
  const auto think = [&](std::uint32_t turn, Nanos took) {
    return source().think_time(ticket(0, 0).identity, {.turn = turn}, took);
  };
  EXPECT_EQ(think(0, 2s), 1s);
  EXPECT_EQ(think(0, 4s), 0s) << "the answer took longer";
  EXPECT_EQ(think(1, 4s), 3s);
}

TEST_F(Source, AnAnswersLengthInTheHistoryIsBounded) {
  ConversationState conversation;
  conversation.begin(2);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 6; ++i) conversation.add_answer(piece);
  conversation.answered({});
  EXPECT_EQ(conversation.history()[0].answer.size(), ConversationState::kAnswerLimit);
}

TEST_F(Source, WhatCannotBeCarriedOutIsRefused) {
  const auto refused = [&] {
    const auto made = PromptSource::create(cell_, 1, dataset_);
    return made ? "" : made.error().message;
  };
  EXPECT_EQ(refused(), "prompt class \"default\" is empty");
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1};
  EXPECT_EQ(refused(), "its dataset is missing");
  dataset_ = std::make_shared<const Dataset>(Dataset{.classes = {"a", "b"}, .entries = {{.turns = {"x"}}}});
  EXPECT_EQ(refused(), "its dataset has other classes");
  // A trace's later turns are looked up by number: texts have none.
  dataset_ =
      std::make_shared<const Dataset>(Dataset{.classes = {"a"}, .entries = {{.turns = {"x", "y", "z"}}}});
  cell_.workload.conversation = Conversation{};
  EXPECT_EQ(refused(), "");
  cell_.workload.dataset->lengths_only = true;
  EXPECT_EQ(refused(), "its trace has texts");
  cell_.workload.synthetic = Synthetic{};
  EXPECT_EQ(refused(), "it has a dataset and made texts");
}

TEST_F(Source, BodiesAndLoggedChatsAreNotTexts) {
  Dataset dataset{.classes = {"default"}};
  dataset.entries.push_back({.turns = {"\"input\":\"a\"}"}, .output_tokens = 7});
  dataset_ = std::make_shared<const Dataset>(dataset);
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1, .bodies = true};
  ConversationState none;
  const PromptPick pick = source().pick(ticket(0, 0), none);
  EXPECT_EQ(source().render(pick, none, buffer_).body, "\"input\":\"a\"}");
  EXPECT_EQ(pick.output_tokens, 7u) << "what the body lets the answer have";

  dataset.entries[0].turns = {"{1}", "{2},{3}"};
  dataset_ = std::make_shared<const Dataset>(dataset);
  source_.reset();
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1, .messages = true};
  cell_.workload.conversation = Conversation{};
  ConversationState conversation;
  const PromptPick first = source().pick(ticket(0, 0), conversation);
  EXPECT_EQ(source().render(first, conversation, buffer_).messages, "{1}");
  conversation.answered(first);
  const PromptPick second = source().pick(ticket(0, 1), conversation);
  EXPECT_EQ(second.turn, 1u);
  EXPECT_EQ(source().render(second, conversation, buffer_).messages, "{1},{2},{3}");
}

TEST_F(Source, ClassesAreDealtBesideADatasetThatHasNone) {
  Dataset dataset{.classes = {"default"}};
  for (int i = 0; i < 5; ++i) dataset.entries.push_back({.turns = {"prompt"}});
  dataset_ = std::make_shared<const Dataset>(dataset);
  cell_.workload.dataset = DatasetUse{.hash = "h", .bytes = 1};
  cell_.workload.classes = {{.name = "base", .weight = 7}, {.name = "lora", .weight = 3}};
  std::string walk;
  for (std::uint64_t k = 0; k < 20; ++k) {
    ConversationState none;
    walk += source().pick(ticket(0, k), none).prompt_class == 0 ? 'b' : 'l';
  }
  EXPECT_EQ(std::count(walk.begin(), walk.end(), 'l'), 6);
  EXPECT_EQ(walk.find("ll"), walk.npos) << walk << ": evenly in time";
  EXPECT_EQ(walk.find("bbbb"), walk.npos) << walk;
}

}  // namespace
}  // namespace kneepoint::agent
