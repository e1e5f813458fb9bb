// What a count is held against: text, the reason of the end, and the reasoning in the usage.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"

namespace kneepoint {
namespace {

std::vector<Chunk> heard(Dialect& dialect, std::vector<std::string> events) {
  StreamMemory memory = dialect.begin_stream({.system = "", .text = "Hi"});
  std::vector<Chunk> chunks;
  for (std::string& event : events) {
    event.reserve(event.size() + kPadding);
    EXPECT_TRUE(dialect.read_event(event, memory, chunks.emplace_back())) << event;
    chunks.back().text = {};  // a view into the event
  }
  return chunks;
}

std::vector<Chunk> heard(Api api, std::vector<std::string> events) {
  return heard(**make_dialect({.api = api, .model = "m"}, Workload()), std::move(events));
}

std::string chunk_of(const std::string& members, const std::string& rest = "") {
  return R"({"choices":[{"index":0,"delta":{)" + members + R"(},"finish_reason":null}])" + rest + "}";
}

TEST(Counts, TheNameOfTheModelIsMarked) {
  const auto named = [](const std::string& name) {
    return heard(Api::kOpenAiChat,
                 {R"({"model":")" + name + R"(","choices":[{"delta":{"content":" a"}}]})"})[0];
  };
  EXPECT_EQ(named("m").model_mark, 0) << "the one that was asked for";
  ASSERT_TRUE(named("m-small").model_mark);
  EXPECT_NE(*named("m-small").model_mark, 0);
  EXPECT_EQ(named("m-small").model_mark, named("m-small").model_mark);
  EXPECT_NE(named("m-small").model_mark, named("m-tiny").model_mark);
  EXPECT_FALSE(named("").model_mark);
  EXPECT_FALSE(heard(Api::kOpenAiChat, {chunk_of(R"("content":" a")")})[0].model_mark);
  EXPECT_FALSE(heard(Api::kOpenAiChat, {R"({"model":null,"choices":[]})"})[0].model_mark);
  EXPECT_TRUE(heard(Api::kOpenAiCompletions, {R"({"model":"m","choices":[{"text":" a b"}]})"})[0].model_mark);
}

TEST(Counts, BytesOfTextAreThoseOfAnswerAndReasoningAsWritten) {
  const auto chunks =
      heard(Api::kOpenAiChat, {chunk_of(R"("content":" the")"), chunk_of(R"("content":" model")"),
                               chunk_of(R"("content":"\u00e9")"), chunk_of(R"("reasoning_content":"Hmm")"),
                               chunk_of(R"("reasoning":"ab","content":"cd")"), chunk_of(R"("content":"")"),
                               chunk_of(R"("tool_calls":[{"function":{"arguments":"{"}}])"), "[DONE]"});
  std::vector<std::size_t> bytes;
  for (const Chunk& chunk : chunks) bytes.push_back(chunk.text_bytes);
  EXPECT_EQ(bytes, (std::vector<std::size_t>{4, 6, 6, 3, 4, 0, 0, 0})) << "the second matches a template";
  EXPECT_EQ(heard(Api::kOpenAiCompletions, {R"({"choices":[{"text":" a b"}]})"})[0].text_bytes, 4u);
  const auto whole = heard(Api::kVllmGenerate, {R"({"text":["Hi there"]})", R"({"text":["Hi there now"]})"});
  EXPECT_EQ(whole[0].text_bytes, 6u) << "without the prompt";
  EXPECT_EQ(whole[1].text_bytes, 4u) << "what is new";
}

TEST(Counts, OnlySomeEndsSayThatTheAnswerMayBeNoLonger) {
  const auto end = [](const std::string& reason) {
    const Chunk chunk =
        heard(Api::kOpenAiChat, {R"({"choices":[{"delta":{},"finish_reason":)" + reason + "}]}"})[0];
    return std::pair(chunk.finished, chunk.at_limit);
  };
  EXPECT_EQ(end(R"("length")"), std::pair(true, true));
  EXPECT_EQ(end(R"("max_tokens")"), std::pair(true, true));
  EXPECT_EQ(end(R"("stop")"), std::pair(true, false));
  EXPECT_EQ(end(R"("lengthy")"), std::pair(true, false));
  EXPECT_EQ(end("null"), std::pair(false, false));

  DialectDescription description;
  description.path = description.answer_path = "/go";
  description.request = R"({"prompt":"{prompt}"})";
  description.stream = {.text = {"/text"}, .finish = {"/end"}};
  description.answer = description.stream;
  const auto dialect = *make_dialect({.api = Api::kCustom, .dialect = description, .model = "m"}, Workload());
  const auto chunks = heard(*dialect, {R"({"text":"length"})", R"({"end":"limit"})", R"({"end":"eos"})"});
  EXPECT_FALSE(chunks[0].at_limit) << "a text is no reason";
  EXPECT_EQ(chunks[0].text_bytes, 6u);
  EXPECT_TRUE(chunks[1].at_limit);
  EXPECT_FALSE(chunks[2].at_limit);
}

TEST(Counts, ReasoningIsReadFromTheUsageWhereverItStands) {
  const auto reasoning = [](const std::string& usage) {
    return heard(Api::kOpenAiChat, {R"({"choices":[],"usage":)" + usage + "}"})[0]
        .its_details()
        .reasoning_tokens;
  };
  EXPECT_EQ(reasoning(R"({"completion_tokens":9,"completion_tokens_details":{"x":1,"reasoning_tokens":7}})"),
            7u);
  EXPECT_EQ(reasoning(R"({"completion_tokens":9,"reasoning_tokens":7,"prompt_tokens":3})"), 7u);
  EXPECT_EQ(reasoning(R"({"completion_tokens":9,"completion_tokens_details":null})"), std::nullopt);
  EXPECT_EQ(reasoning(R"({"completion_tokens_details":{"reasoning_tokens":-7}})"), std::nullopt);
  EXPECT_EQ(reasoning(R"({"completion_tokens_details":{"reasoning_tokens":999999999}})"), std::nullopt);
  EXPECT_EQ(reasoning("null"), std::nullopt);
}

TEST(Counts, CachedPromptTokensAreReadFromTheUsageWhereverTheyStand) {
  const auto cached = [](const std::string& usage) {
    return heard(Api::kOpenAiChat, {R"({"choices":[],"usage":)" + usage + "}"})[0]
        .its_details()
        .cached_tokens;
  };
  EXPECT_EQ(cached(R"({"prompt_tokens":9,"prompt_tokens_details":{"audio_tokens":1,"cached_tokens":7}})"),
            7u);
  EXPECT_EQ(cached(R"({"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":0}})"), 0u);
  EXPECT_EQ(cached(R"({"prompt_cache_hit_tokens":5,"prompt_cache_miss_tokens":4,"prompt_tokens":9})"), 5u);
  EXPECT_EQ(cached(R"({"prompt_tokens":9,"prompt_tokens_details":null})"), std::nullopt) << "vLLM by default";
  EXPECT_EQ(cached(R"({"completion_tokens_details":{"cached_tokens":7}})"), std::nullopt);
}

TEST(Counts, AudioTokensAreReadFromTheDetailsOfBoth) {
  const UsageDetails details =
      *heard(Api::kOpenAiChat,
             {R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":8,)"
              R"("prompt_tokens_details":{"audio_tokens":4,"cached_tokens":2},)"
              R"("completion_tokens_details":{"audio_tokens":5,"reasoning_tokens":1}}})"})[0]
           .details;
  EXPECT_EQ(details.audio_prompt_tokens, 4u);
  EXPECT_EQ(details.audio_tokens, 5u);
  EXPECT_EQ(details.cached_tokens, 2u);
  EXPECT_EQ(details.reasoning_tokens, 1u);
}

TEST(Counts, ADescribedDialectTellsThemWhereItSays) {
  DialectDescription description;
  description.path = description.answer_path = "/";
  description.request = R"({"p":"{prompt}"})";
  description.stream = {.text = {"/text"},
                        .finish = {"/end"},
                        .prompt_tokens = {"/usage/in"},
                        .cached_tokens = {"/usage/details/cached"},
                        .reasoning_tokens = {"/usage/thought"}};
  description.answer = description.stream;
  const auto dialect = *make_dialect({.api = Api::kCustom, .dialect = description, .model = "m"}, Workload());
  const auto chunks =
      heard(*dialect, {R"({"end":true,"usage":{"in":9,"thought":3,"details":{"cached":7,"other":1}}})"});
  EXPECT_EQ(chunks[0].prompt_tokens, 9u);
  EXPECT_EQ(chunks[0].details->cached_tokens, 7u);
  EXPECT_EQ(chunks[0].details->reasoning_tokens, 3u);
}

TEST(Counts, WhatIsNoCountIsNone) {
  const auto count = [](const std::string& tokens) {
    return heard(Api::kOpenAiChat,
                 {R"({"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":)" + tokens + "}}"})[0]
        .completion_tokens;
  };
  for (const char* none : {"null", "-1", "4.5", "\"40\"", "100000000", "1e3", "[40]", "true"})
    EXPECT_EQ(count(none), std::nullopt) << none;
  EXPECT_EQ(count("40"), 40u);
}

}  // namespace
}  // namespace kneepoint
