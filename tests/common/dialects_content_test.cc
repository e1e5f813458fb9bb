// What a message of a chat may carry, in the words of those who serve it.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"
#include "tests/common/dialects_meaning.h"

namespace kneepoint {
namespace {

struct Content {
  std::string members;  ///< Of a delta, or of a message.
  std::string meaning;
  std::string text = {};  ///< Of the answer, as a conversation keeps it.
};

const Content kContents[] = {
    // Texts and parts.
    {R"("content":"a")", "answer", "a"},
    {R"("content":[{"type":"text","text":"a"}])", "answer", "a"},
    {R"("content":[{"text":"a","type":"output_text","annotations":[]}])", "answer", "a"},
    {R"("content":{"type":"text","text":"a"})", "answer", "a"},
    {R"("content":["a"])", "answer", "a"},
    {R"("content":[{"type":"text","text":"a"},{"type":"text","text":"b"}])", "answer", ""},
    {R"("content":[{"type":"text","text":""}])", ""},
    {R"("content":[])", ""},
    {R"("content":null)", ""},
    {R"("content":7)", ""},
    {R"("content":[{"type":"reference","reference_ids":[1]}])", ""},
    // Thinking: Mistral, Anthropic through gateways, Ollama, OpenRouter.
    {R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]}])", "reasoning"},
    {R"("content":[{"thinking":[{"text":"t","type":"text"}],"type":"thinking","closed":true}])", "reasoning"},
    {R"("content":[{"type":"thinking","thinking":[]}])", ""},
    {R"("content":[{"text":"t","type":"reasoning"}])", "reasoning"},
    {R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"t"}]},{"type":"text","text":"a"}])",
     "answer reasoning", "a"},
    {R"("content":"","thinking_blocks":[{"type":"thinking","thinking":"t","signature":""}])", "reasoning"},
    {R"("content":"","thinking_blocks":[{"type":"thinking","thinking":"","signature":"xyz"}])", ""},
    {R"("reasoning":"t","reasoning_details":[{"type":"reasoning.text","text":"t"}])", "reasoning"},
    {R"("reasoning_details":[{"type":"reasoning.summary","summary":"t"}])", "reasoning"},
    {R"("reasoning_details":[{"type":"reasoning.encrypted","data":"x"}])", ""},
    {R"("thinking":"t")", "reasoning"},
    // Other kinds of output.
    {R"("refusal":"no")", "answer", "no"},
    {R"("content":null,"refusal":null)", ""},
    {R"("content":[{"type":"refusal","refusal":"no"}])", "answer", "no"},
    {R"("audio":{"id":"1","data":"AAAA"})", "answer"},
    {R"("audio":{"id":"1","transcript":"hm"})", "answer"},
    {R"("audio":{"id":"1","expires_at":7})", ""},
    {R"("content":[{"type":"output_audio","audio":{"data":"AAAA"}}])", "answer"},
    {R"("images":[{"type":"image_url","image_url":{"url":"data:"}}])", "answer"},
    // Calls.
    {R"("tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}])", "tool"},
    {R"("tool_calls":[])", ""},
    {R"("tool_calls":[{"index":0,"type":"function","function":{"arguments":""}}])", ""},
    {R"("tool_calls":[{"index":0,"id":"","function":{"name":null,"arguments":null}},{}])", ""},
    {R"("tool_calls":[{"index":0,"id":"c1","type":"function","function":{"arguments":""}}])", "tool"},
    {R"("tool_calls":[{"index":0,"function":{"arguments":{"a":{"b":"c"}}}}])", "tool"},
    {R"("function_call":{"arguments":""})", ""},
    {R"("function_call":{"name":"f"})", "tool"},
    {R"("function_call":{"arguments":"{"})", "tool"},
    {R"("function_call":null)", ""},
};

TEST(ChatContent, InADelta) {
  for (const Content& each : kContents) {
    const auto dialect = *make_dialect({.api = Api::kOpenAiChat, .model = "m"}, Workload());
    StreamMemory memory = dialect->begin_stream({});
    const std::string event =
        padded(R"({"choices":[{"index":0,"delta":{)" + each.members + R"(},"finish_reason":null}]})");
    // Twice: the second may match what was learned from the first.
    for (int time = 1; time <= 2; ++time) {
      Chunk chunk;
      ASSERT_TRUE(dialect->read_event(event, memory, chunk)) << event;
      EXPECT_EQ(describe(chunk), each.meaning) << event << ", time " << time;
      EXPECT_EQ(chunk.text, each.text) << event << ", time " << time;
    }
  }
}

TEST(ChatContent, InAMessage) {
  for (const Content& each : kContents) {
    const auto dialect = *make_dialect({.api = Api::kOpenAiChat, .model = "m"}, Workload());
    const std::string body = padded(R"({"choices":[{"message":{"role":"assistant",)" + each.members + "}}]}");
    Chunk chunk;
    ASSERT_TRUE(dialect->read_answer(body, {}, chunk)) << body;
    EXPECT_EQ(describe(chunk), each.meaning) << body;
    EXPECT_EQ(chunk.text, each.text) << body;
  }
}

TEST(ChatContent, AMessageBehindTheDeltasRepeatsThem) {
  const auto dialect = *make_dialect({.api = Api::kOpenAiChat, .model = "m"}, Workload());
  StreamMemory memory = dialect->begin_stream({});
  const auto meaning = [&](const std::string& event) {
    Chunk chunk;
    EXPECT_TRUE(dialect->read_event(padded(event), memory, chunk)) << event;
    return describe(chunk);
  };
  const std::string message = R"({"choices":[{"message":{"content":"a b"},"finish_reason":"stop"}]})";
  EXPECT_EQ(meaning(R"({"choices":[{"delta":{"content":"a"}}]})"), "answer");
  EXPECT_EQ(meaning(message), "finish");
  memory = dialect->begin_stream({});
  EXPECT_EQ(meaning(message), "answer finish") << "and alone it is the answer";
}

TEST(ChatContent, NestedWithoutEnd) {
  const auto dialect = *make_dialect({.api = Api::kOpenAiChat, .model = "m"}, Workload());
  std::string nested;
  for (int i = 0; i < 500; ++i) nested += "[";
  nested += "\"a\"";
  for (int i = 0; i < 500; ++i) nested += "]";
  StreamMemory memory;
  Chunk chunk;
  dialect->read_event(padded(R"({"choices":[{"delta":{"content":)" + nested + "}}]}"), memory, chunk);
  EXPECT_FALSE(chunk.answer);
}

}  // namespace
}  // namespace kneepoint
