#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"
#include "common/request_json.h"
#include "tests/common/dialects_meaning.h"

namespace kneepoint {
namespace {

std::unique_ptr<Dialect> make_dialect(Api api, const std::string& model, const Workload& workload) {
  return *kneepoint::make_dialect({.api = api, .model = model}, workload);
}

std::string read_event_of(Api api, const std::string& data) {
  const auto dialect = make_dialect(api, "m", Workload());
  StreamMemory memory = dialect->begin_stream({.system = "", .text = "Hi"});
  Chunk chunk;
  return dialect->read_event(padded(data), memory, chunk) ? describe(chunk) : "malformed";
}

struct Case {
  std::string data;
  std::string meaning;
};

TEST(OpenAiChat, WhatEachEventMeans) {
  const std::string head = R"({"id":"c1","object":"chat.completion.chunk","created":1,"model":"m",)";
  const Case cases[] = {
      {head + R"("choices":[{"index":0,"delta":{"content":" the"},"logprobs":null,"finish_reason":null}]})",
       "answer"},
      {head + R"("choices":[{"index":0,"delta":{"content":"\"quoted\" \\ \u00e9"}}]})", "answer"},
      {head + R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})",
       ""},
      {head + R"("choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]})", ""},
      {head + R"("choices":[{"index":0,"delta":{"role":"assistant","content":null}}]})", ""},
      {head + R"("choices":[{"index":0,"delta":{"reasoning_content":"Hmm","content":null}}]})", "reasoning"},
      {head + R"("choices":[{"index":0,"delta":{"reasoning":"Hmm"}}]})", "reasoning"},
      {head + R"("choices":[{"index":0,"delta":{"reasoning":"","content":"a"}}]})", "answer"},
      {head + R"("choices":[{"index":0,"delta":{"reasoning":"b","content":"a"}}]})", "answer reasoning"},
      {head + R"("choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]})", "tool"},
      {head + R"("choices":[{"delta":{"tool_calls":[]}}]})", ""},
      {head + R"("choices":[{"delta":{"tool_calls":null}}]})", ""},
      {head + R"("choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})", "finish"},
      {head + R"("choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"length"}],"usage":null})",
       "answer finish"},
      {head + R"("choices":[{"delta":{}},{"index":1,"delta":{"content":"x"}}]})", "answer"},
      {head +
           R"("choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3}})",
       "answer 3 of 9"},
      {head +
           R"("choices":[],"usage":{"prompt_tokens":9,"completion_tokens":64,"prompt_tokens_details":{"cached_tokens":1}}})",
       "64 of 9"},
      {head + R"("choices":[],"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":99999999}})",
       "99999999"},
      {head + R"("choices":[],"usage":{"prompt_tokens":9,"completion_tokens":100000000}})", "of 9"},
      {R"({"usage":{"completion_tokens":2},"choices":[{"finish_reason":"stop","delta":{"content":"x"}}]})",
       "answer finish 2"},
      {R"({"error":{"message":"the engine died","code":500}})", "error"},
      {R"({"error":null,"choices":[]})", ""},
      {R"({"object":"error","message":"no","code":400})", "error"},
      {R"({"choices":null})", ""},
      {"[DONE]", "done"},
      {"", "malformed"},
      {"[DONE", "malformed"},
      {"not json", "malformed"},
      {R"({"choices":[{"delta":{"content":"x"})", "malformed"},
      {R"({"choices":[{"delta":{"content":"x)", "malformed"},
      {R"({"choices":{"delta":1}})", "malformed"},
      {R"({"choices":[1]})", "malformed"},
      {R"({"choices":[]} trailing)", "malformed"},
      {R"([{"choices":[]}])", "malformed"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(read_event_of(Api::kOpenAiChat, each.data), each.meaning) << each.data;
}

/// Reads `first` and then `second` in one stream: the second may match the template learned from the first,
/// and must mean what it means alone.
void expect_same_after(const std::string& first, const std::string& second) {
  const auto dialect = make_dialect(Api::kOpenAiChat, "m", Workload());
  StreamMemory memory = dialect->begin_stream({});
  Chunk ignored, chunk;
  dialect->read_event(padded(first), memory, ignored);
  const std::string meaning =
      dialect->read_event(padded(second), memory, chunk) ? describe(chunk) : "malformed";
  EXPECT_EQ(meaning, read_event_of(Api::kOpenAiChat, second)) << first << "\nthen " << second;
}

/// Python servers let them into log probabilities and into what is theirs.
TEST(OpenAiChat, NumbersThatAreNoJsonWhereNothingIsRead) {
  for (const char* number : {"NaN", "Infinity", "-Infinity", "1e999", "-0.0"}) {
    const std::string odd = number;
    EXPECT_EQ(read_event_of(Api::kOpenAiChat,
                            R"({"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"logprob":)" +
                                odd + "}]}}]}"),
              "answer")
        << odd;
    EXPECT_EQ(read_event_of(Api::kOpenAiChat,
                            R"({"x_score":)" + odd + R"(,"choices":[{"delta":{"content":"a"}}]})"),
              "answer")
        << odd;
    EXPECT_EQ(read_event_of(Api::kOpenAiChat,
                            R"({"choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":)" + odd +
                                R"(,"prompt_tokens":9}})"),
              "answer of 9")
        << odd;
  }
}

TEST(OpenAiChat, AnEventMeansTheSameAfterAnyOther) {
  const auto chunk = [](const std::string& field, const std::string& text, const std::string& rest) {
    return R"({"id":"c1","choices":[{"index":0,"delta":{")" + field + R"(":")" + text +
           R"("},"finish_reason":)" + rest;
  };
  const std::string plain = "null}]}";
  const auto usage = [](const std::string& counts) { return R"(null}],"usage":{)" + counts + "}}"; };
  const std::string three = R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":3)";
  const std::vector<std::string> events = {
      chunk("content", "a", plain),
      chunk("content", "a longer text", plain),
      chunk("content", "", plain),
      chunk("content", R"(\"quoted\")", plain),
      chunk("content", R"(ends in a backslash \\)", plain),
      chunk("content", R"(\\\")", plain),
      chunk("content", R"(x"},"finish_reason":"stop","y":{"content":"z)",
            plain),  // text that imitates structure
      chunk("content", "unterminated", ""),
      chunk("content", "control \x01", plain),
      chunk("content", "什么是量子计算", plain),
      chunk("content", "half a letter \xE4\xBB", plain),
      chunk("content", "a", R"("stop"}]})"),
      chunk("content", "a", plain + " "),
      chunk("content", "a", plain + "}"),
      chunk("reasoning", "hm", plain),
      chunk("reasoning_content", "hm", plain),
      chunk("content", "a", usage(three)),
      chunk("content", "bb", usage(R"("prompt_tokens":9,"total_tokens":1012,"completion_tokens":1003)")),
      chunk("content", "a", usage(R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":03)")),
      chunk("content", "a", usage(R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":-3)")),
      chunk("content", "a", usage(R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":)")),
      chunk("content", "a", usage(R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":3.5)")),
      chunk("content", "a", usage(R"("prompt_tokens": 9 ,"completion_tokens": 3 )")),
      chunk("content", "a", usage(R"("a":1,"b":2,"c":3,"d":4,"completion_tokens":5,"prompt_tokens":6)")),
      chunk("content", "a", usage(R"("prompt_tokens":9,"total_tokens":12,"completion_tokens":100000000)")),
      chunk("content", "a", usage(R"("prompt_tokens":100000000,"total_tokens":12,"completion_tokens":3)")),
      chunk("content", "a",
            usage(R"("prompt_tokens":9,"total_tokens":18446744073709551615,"completion_tokens":3)")),
      chunk("content", "a", R"(null}],"usage":null})"),
      R"({"usage":{"completion_tokens":4},"choices":[{"delta":{"content":"x"}}]})",
      R"({"usage":{"completion_tokens":5},"choices":[{"delta":{"content":"y"}}]})",
      R"({"choices":[{"delta":{"content":"x"}},{"delta":{"content":"y"}}]})",
      R"({"choices":[{"delta":{"content":"x"}},{"delta":{"content":""}}]})",
      R"({"choices":[{"delta":{"content":"x","reasoning":"y"}}]})",
      R"({"choices":[{"delta":{"content":"x","tool_calls":[{}]}}]})",
      R"({"error":{"message":"x"},"choices":[{"delta":{"content":"x"}}]})",
      "[DONE]",
      "",
  };
  for (const std::string& first : events) {
    for (const std::string& second : events) expect_same_after(first, second);
  }
  // And what the events mean at all, where it is not in the table above.
  EXPECT_EQ(read_event_of(Api::kOpenAiChat, events[6]), "answer finish");
  EXPECT_EQ(read_event_of(Api::kOpenAiChat, events[17]), "answer 1003 of 9");
  EXPECT_EQ(read_event_of(Api::kOpenAiChat, events[22]), "answer 3 of 9");
}

TEST(EventTemplate, RecognisesTheUsualEvent) {
  const auto dialect = make_dialect(Api::kOpenAiChat, "m", Workload());
  StreamMemory memory;
  const auto text = [](const std::string& text, int n) {
    return R"({"id":"c","choices":[{"delta":{"content":")" + text +
           R"("}}],"usage":{"prompt_tokens":1,"completion_tokens":)" + std::to_string(n) + "}}";
  };
  Chunk chunk;
  EXPECT_FALSE(memory.usual.match(text("a", 1), chunk));
  ASSERT_TRUE(dialect->read_event(padded(text("a", 1)), memory, chunk));
  Chunk again;
  EXPECT_TRUE(memory.usual.match(text("another", 200), again));
  EXPECT_EQ(describe(again), "answer 200 of 1");
  EXPECT_FALSE(memory.usual.match(text("", 3), again));
}

TEST(OpenAiChat, EveryTruncationIsMalformed) {
  const std::string whole =
      R"({"id":"c1","choices":[{"index":0,"delta":{"content":" the"},"finish_reason":null}],"usage":{"completion_tokens":1}})";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_EQ(read_event_of(Api::kOpenAiChat, whole.substr(0, n)), "malformed") << whole.substr(0, n);
  }
}

TEST(OpenAiChat, ReadsAnAnswerThatWasNotStreamed) {
  const auto dialect = make_dialect(Api::kOpenAiChat, "m", Workload());
  Chunk chunk;
  ASSERT_TRUE(dialect->read_answer(
      padded(
          R"({"object":"chat.completion","choices":[{"message":{"role":"assistant","content":"Hi","reasoning":null},)"
          R"("finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2}})"),
      {}, chunk));
  EXPECT_EQ(describe(chunk), "answer finish 2 of 5");
}

TEST(OpenAiCompletions, WhatEachEventMeans) {
  const Case cases[] = {
      {R"({"choices":[{"index":0,"text":" the","logprobs":null,"finish_reason":null}],"usage":null})",
       "answer"},
      {R"({"choices":[{"index":0,"text":"","finish_reason":null}]})", ""},
      {R"({"choices":[{"index":0,"text":"","finish_reason":"stop"}],"usage":{"completion_tokens":8}})",
       "finish 8"},
      {R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":8}})", "8 of 1"},
      {"[DONE]", "done"},
      {R"({"choices":[{"text":" the)", "malformed"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(read_event_of(Api::kOpenAiCompletions, each.data), each.meaning) << each.data;
}

TEST(VllmGenerate, AnEventCountsWhenItsTextHasGrown) {
  const auto dialect = make_dialect(Api::kVllmGenerate, "", Workload());
  StreamMemory memory = dialect->begin_stream({.system = "", .text = "Hi"});
  const Case cases[] = {{R"({"text": ["Hi"]})", ""},
                        {R"({"text": ["Hi there"]})", "answer"},
                        {R"({"text": ["Hi there"]})", ""},
                        {R"({"text": ["Hi there\u00e9"]})", "answer"},
                        {R"({"text": ["Hi there\u00e9e"], "error": null, "detail": null})", "answer"},
                        {R"({"error": "no"})", "error"},
                        {R"({"detail": "no"})", "error"}};
  for (const Case& each : cases) {
    Chunk chunk;
    ASSERT_TRUE(dialect->read_event(padded(each.data), memory, chunk)) << each.data;
    EXPECT_EQ(describe(chunk), each.meaning) << each.data;
  }
  Chunk chunk;
  EXPECT_FALSE(dialect->read_event(padded(R"({"text": "Hi"})"), memory, chunk));
  EXPECT_FALSE(dialect->read_event(padded(R"({"text": ["Hi)"), memory, chunk));
}

TEST(VllmGenerate, AHostThatDoesNotEchoThePrompt) {
  const auto dialect = make_dialect(Api::kVllmGenerate, "", Workload());
  StreamMemory memory = dialect->begin_stream({.system = "", .text = "a longer prompt"});
  Chunk chunk;
  ASSERT_TRUE(dialect->read_event(padded(R"({"text": ["x"]})"), memory, chunk));
  EXPECT_TRUE(chunk.answer);
}

/// The body, parsed by a second JSON parser and written in a normal form.
std::string body(Api api, const Workload& workload, const Prompt& prompt, UsageOption usage) {
  std::string out;
  make_dialect(api, "m\"1", workload)->write_body(prompt, usage, out);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(out).get(root) != simdjson::SUCCESS) return "not JSON: " + out;
  return simdjson::minify(root);
}

TEST(RequestBody, Chat) {
  Workload workload;
  EXPECT_EQ(body(Api::kOpenAiChat, workload, {.system = "", .text = "Hi"}, UsageOption::kNone),
            R"({"messages":[{"role":"user","content":"Hi"}],"model":"m\"1","stream":true})");
  workload.output_tokens = 64;
  workload.temperature = 0.7;
  workload.top_p = 0.95;
  EXPECT_EQ(
      body(Api::kOpenAiChat, workload, {.system = "Be brief.", .text = "Hi"}, UsageOption::kContinuous),
      R"({"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"model":"m\"1",)"
      R"("max_tokens":64,"temperature":0.7,"top_p":0.95,"stream":true,)"
      R"("stream_options":{"include_usage":true,"continuous_usage_stats":true}})");
  workload.stream = false;
  EXPECT_EQ(
      body(Api::kOpenAiChat, workload, {.system = "", .text = "Hi"}, UsageOption::kContinuous),
      R"({"messages":[{"role":"user","content":"Hi"}],"model":"m\"1","max_tokens":64,"temperature":0.7,)"
      R"("top_p":0.95,"stream":false})");
}

TEST(RequestBody, ChatNamesTheLimitAsTheTargetWantsIt) {
  Workload workload;
  workload.output_tokens = 64;
  std::string out;
  (*kneepoint::make_dialect({.api = Api::kOpenAiChat, .token_limit = TokenLimit::kMaxCompletionTokens},
                            workload))
      ->write_body({.system = "", .text = "Hi"}, UsageOption::kNone, out);
  EXPECT_EQ(out, R"({"messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":64,"stream":true})");
}

TEST(RequestBody, StringsAreEscaped) {
  const std::string nasty = std::string("\" \\ \n \r \t \x01 \x1f / 什么是量子计算? ") + std::string(1, '\0');
  std::string out;
  make_dialect(Api::kOpenAiCompletions, "m", Workload())
      ->write_body({.system = "s", .text = nasty}, UsageOption::kFinal, out);
  simdjson::dom::parser parser;
  std::string_view prompt;
  ASSERT_EQ(parser.parse(out)["prompt"].get(prompt), simdjson::SUCCESS) << out;
  EXPECT_EQ(prompt, "s\n\n" + nasty);
}

TEST(RequestBody, EveryCharacterIsEscapedWhereverItStands) {
  simdjson::dom::parser parser;
  const auto dialect = make_dialect(Api::kOpenAiCompletions, "m", Workload());
  for (std::size_t place = 0; place < 20; ++place) {
    for (int c = 0; c < 128; ++c) {
      std::string text = "什么" + std::string(20, 'x');
      text.insert(6 + place, 1, static_cast<char>(c));
      std::string out;
      dialect->write_body({.system = {}, .text = text}, UsageOption::kFinal, out);
      std::string_view prompt;
      ASSERT_EQ(parser.parse(out)["prompt"].get(prompt), simdjson::SUCCESS) << out;
      ASSERT_EQ(prompt, text);
    }
  }
}

TEST(RequestBody, ExtraMembersAreAddedAndWin) {
  Workload workload;
  workload.temperature = 1;
  workload.extra_body =
      R"({"ignore_eos": true, "temperature": 0, "chat_template_kwargs": {"enable_thinking": false}, "stream_options": {}})";
  EXPECT_EQ(body(Api::kOpenAiChat, workload, {.system = "", .text = "Hi"}, UsageOption::kFinal),
            R"({"messages":[{"role":"user","content":"Hi"}],"model":"m\"1","stream":true,"ignore_eos":true,)"
            R"("temperature":0,"chat_template_kwargs":{"enable_thinking":false},"stream_options":{}})");
}

TEST(RequestBody, Generate) {
  Workload workload;
  workload.output_tokens = 512;
  EXPECT_EQ(body(Api::kVllmGenerate, workload, {.system = "", .text = "Hi"}, UsageOption::kContinuous),
            R"({"prompt":"Hi","max_tokens":512,"stream":true})");
}

TEST(RequestBody, ExtraBodyMustBeAnObject) {
  EXPECT_TRUE(check_extra_body(""));
  EXPECT_TRUE(check_extra_body("{}"));
  EXPECT_FALSE(check_extra_body("[1]"));
  EXPECT_FALSE(check_extra_body("{\"a\":}"));
}

std::string body_around(const Target& target, const std::string& body, UsageOption usage,
                        bool streamed = true) {
  Workload workload;
  workload.stream = streamed;
  workload.dataset = DatasetUse{.bodies = true};
  std::string out;
  (*kneepoint::make_dialect(target, workload))->write_body({.body = body}, usage, out);
  return out;
}

TEST(WholeBodies, GetModelStreamAndUsageInFront) {
  const std::string body = R"("messages":[{"role":"user","content": []}],"tools":[1.50]})";
  EXPECT_EQ(body_around({.api = Api::kOpenAiChat, .model = "m\"1"}, body, UsageOption::kFinal),
            R"({"model":"m\"1","stream":true,"stream_options":{"include_usage":true},)" + body);
  EXPECT_EQ(body_around({.api = Api::kOpenAiCompletions, .model = "m"}, body, UsageOption::kFinal, false),
            R"({"model":"m","stream":false,)" + body);
  EXPECT_EQ(body_around({.api = Api::kOpenAiChat, .model = "m"}, body, UsageOption::kNone),
            R"({"model":"m","stream":true,)" + body);
}

TEST(WholeBodies, OfACustomDialectGetWhatItsRequestHasOfThem) {
  DialectDescription description{.path = "/v1/responses", .answer_path = "/v1/responses"};
  description.request =
      R"({"model":"{model}","input":"{user}","temperature":"{temperature}","stream":"{stream}"})";
  description.stream.text = description.answer.text = {"/delta"};
  Target target{.api = Api::kCustom, .dialect = description, .model = "m"};
  EXPECT_EQ(body_around(target, R"("input":[]})", UsageOption::kNone),
            R"({"model":"m","stream":true,"input":[]})");
  target.dialect->request = R"({"input":"{user}"})";
  EXPECT_EQ(body_around(target, R"("input":[]})", UsageOption::kNone), R"({"input":[]})");
}

TEST(LoggedChats, AreSentAsTheyAreBehindTheSystemPrompt) {
  std::string out;
  make_dialect(Api::kOpenAiChat, "m", Workload())
      ->write_body(
          {.system = "s", .text = "", .messages = R"({"role":"user","content":"a"},{"role":"tool"})"},
          UsageOption::kNone, out);
  EXPECT_THAT(
      out,
      testing::StartsWith(
          R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"tool"}])"));
}

}  // namespace
}  // namespace kneepoint
