#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"
#include "common/request_template.h"
#include "tests/common/dialects_meaning.h"

namespace kneepoint {
namespace {

using testing::HasSubstr;

DialectDescription some_dialect() {
  DialectDescription dialect;
  dialect.path = dialect.answer_path = "/go";
  dialect.request = R"({"prompt":"{prompt}"})";
  dialect.stream.text = {"/text"};
  dialect.stream.reasoning = {"/thought"};
  dialect.stream.tool_call = {"/calls"};
  dialect.stream.finish = {"/end"};
  dialect.stream.error = {"/error"};
  dialect.stream.completion_tokens = {"/usage/out"};
  dialect.stream.prompt_tokens = {"/usage/in"};
  dialect.answer = dialect.stream;
  return dialect;
}

std::unique_ptr<Dialect> make(const DialectDescription& description, const Workload& workload = {}) {
  EXPECT_TRUE(check(description));
  auto dialect = make_dialect({.api = Api::kCustom, .dialect = description, .model = "org/m 1"}, workload);
  EXPECT_TRUE(dialect) << (dialect ? "" : dialect.error().message);
  return dialect ? *std::move(dialect) : nullptr;
}

/// The meanings of one stream's events, or "malformed".
std::vector<std::string> stream(const DialectDescription& description,
                                const std::vector<std::string>& events) {
  const auto dialect = make(description);
  StreamMemory memory = dialect->begin_stream({});
  std::vector<std::string> meanings;
  for (std::string event : events) {
    event.reserve(event.size() + kPadding);
    Chunk chunk;
    meanings.push_back(dialect->read_event(event, memory, chunk) ? describe(chunk) : "malformed");
  }
  return meanings;
}

using Meanings = std::vector<std::string>;

TEST(CustomDialect, WhatEachEventMeans) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"text":" a"})", "answer"},
      {R"({"text":""})", ""},
      {R"({"text":null})", ""},
      {R"({"text":7})", ""},
      {R"({"text":["a"]})", ""},
      {R"({"other":"a"})", ""},
      {R"({"texts":"a","tex":"b"})", ""},
      {R"({"thought":"hm"})", "reasoning"},
      {R"({"text":"a","thought":"hm"})", "answer reasoning"},
      {R"({"calls":[]})", ""},
      {R"({"calls":null})", ""},
      {R"({"calls":{}})", ""},
      {R"({"calls":[{"name":"f"}]})", "tool"},
      {R"({"end":false})", ""},
      {R"({"end":null})", ""},
      {R"({"end":""})", ""},
      {R"({"end":true})", "finish"},
      {R"({"end":"length"})", "finish"},
      {R"({"end":0})", "finish"},
      {R"({"error":"no"})", "error"},
      {R"({"error":{"code":500}})", "error"},
      {R"({"error":null,"text":"a"})", "answer"},
      {R"({"text":"a","usage":{"in":7,"out":3}})", "answer 3 of 7"},
      {R"({"usage":{"out":3,"more":[1,{"out":9}]},"text":"a"})", "answer 3"},
      {R"({"usage":{"out":-3}})", ""},
      {R"({"usage":{"out":3.5}})", ""},
      {R"({"usage":{"out":"3"}})", ""},
      {R"({"usage":null})", ""},
      {R"({"usage":[3]})", ""},
      {R"([{"text":"a"}])", "malformed"},
      {R"({})", ""},
      {"", "malformed"},
      {"7", "malformed"},
      {"[DONE]", ""},
      {" [done] ", ""},
      {"[DONE]x", "malformed"},
      {R"({"text":"a")", "malformed"},
      {R"({"text":"a)", "malformed"},
      {R"({"usage":{"out":3})", "malformed"},
      {R"({"text":"a"} {"text":"b"})", "malformed"},
      {R"({"text":tru})", "malformed"},
      {R"({"end":trux})", "malformed"},
  };
  for (const auto& [event, meaning] : cases)
    EXPECT_EQ(stream(some_dialect(), {event}), Meanings{meaning}) << event;
}

TEST(CustomDialect, OnePlaceHoldsWhatTheTypeSays) {
  DialectDescription dialect = some_dialect();
  dialect.stream.text = {"/delta when /type=text", "/delta when /type=refusal"};
  dialect.stream.reasoning = {"/delta when /type=thought"};
  dialect.stream.tool_call = {"/delta when /type=call", "/calls"};
  ASSERT_TRUE(check(dialect));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"type":"text","delta":"a"})", "answer"},
      {R"({"delta":"a","type":"text"})", "answer"},
      {R"({"type":"refusal","delta":"a"})", "answer"},
      {R"({"type":"thought","delta":"a"})", "reasoning"},
      {R"({"delta":"a","type":"thought"})", "reasoning"},
      {R"({"type":"call","delta":"a"})", "tool"},
      {R"({"type":"other","delta":"a"})", ""},
      {R"({"type":"text","delta":""})", ""},
      {R"({"type":"text"})", ""},
      {R"({"delta":"a"})", ""},
      {R"({"type":"other","delta":"a","calls":[1]})", "tool"},
  };
  for (const auto& [event, meaning] : cases) {
    EXPECT_EQ(stream(dialect, {event}), Meanings{meaning}) << event;
    for (const auto& [first, ignored] : cases)
      EXPECT_EQ(stream(dialect, {first, event}).at(1), meaning) << first << "\nthen " << event;
  }
}

TEST(CustomDialect, SeveralPlacesOfAnEventMayEachHoldWhatTheirTypeSays) {
  DialectDescription dialect = some_dialect();
  dialect.stream.text = {"/parts/0/text when /parts/0/type=text", "/parts/1/text when /parts/1/type=text"};
  dialect.stream.reasoning = {"/parts/0/text when /parts/0/type=thought"};
  dialect.stream.tool_call = {"/item when /type=call"};
  ASSERT_TRUE(check(dialect));
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"parts":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})", "answer"},
      {R"({"parts":[{"type":"text","text":"a"},{"type":"other","text":"b"}]})", "answer"},
      {R"({"parts":[{"type":"other","text":"a"},{"type":"text","text":"b"}]})", "answer"},
      {R"({"parts":[{"type":"thought","text":"a"},{"type":"other","text":"b"}]})", "reasoning"},
      {R"({"type":"call","item":{"name":"f"}})", "tool"},
      {R"({"item":[1],"type":"call"})", "tool"},
      {R"({"item":7,"type":"call"})", "tool"},
      {R"({"item":{},"type":"call"})", ""},
      {R"({"item":{"name":"f"},"type":"other"})", ""},
  };
  for (const auto& [event, meaning] : cases) EXPECT_EQ(stream(dialect, {event}), Meanings{meaning}) << event;
}

TEST(CustomDialect, APlaceHoldsDifferentThingsOrOne) {
  DialectDescription dialect = some_dialect();
  dialect.stream.text = {"/delta"};
  dialect.stream.reasoning = {"/delta when /type=thought"};
  const auto checked = check(dialect);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message,
            "'stream': '/delta' stands with 'when' and without; write 'when' for each");
  dialect.stream.text.clear();
  for (int i = 0; i < 9; ++i) dialect.stream.text.push_back("/t" + std::to_string(i) + " when /type=text");
  EXPECT_FALSE(check(dialect));
}

TEST(CustomDialect, AWhenThatSaysNothingIsRefused) {
  for (const char* pointer :
       {"/delta when /type", "/delta when type=x", "/delta when /type=", "delta when /type=x"}) {
    DialectDescription dialect = some_dialect();
    dialect.stream.text = {pointer};
    EXPECT_FALSE(check(dialect)) << pointer;
  }
  DialectDescription dialect = some_dialect();
  dialect.stream.finish = {"/end when /type=x"};
  const auto checked = check(dialect);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "'stream.finish' takes no 'when'; text, reasoning and tool_call do");
}

TEST(CustomDialect, AnEventMeansTheSameAfterAnyOther) {
  const std::vector<std::string> events = {
      R"({"id":"c","text":"a"})",
      R"({"id":"c","text":"another"})",
      R"({"id":"c","text":""})",
      R"({"id":"c","text":"\"}"})",
      R"({"id":"d","text":"a"})",
      R"({"id":"c","text":"a","usage":{"in":7,"out":1}})",
      R"({"id":"c","text":"b","usage":{"in":7,"out":12}})",
      R"({"id":"c","text":"b","usage":{"in":7,"out":012}})",
      R"({"id":"c","text":"a","usage":{"in":7,"out":1},"end":true})",
      R"({"id":"c","text":"a","end":false})",
      R"({"id":"c","text":"a","error":"x"})",
      R"({"id":"c","thought":"a"})",
      R"({"usage":{"out":5},"text":"a"})",
      R"({"usage":{"out":6},"text":"b"})",
  };
  for (const std::string& first : events) {
    for (const std::string& second : events) {
      EXPECT_EQ(stream(some_dialect(), {first, second})[1], stream(some_dialect(), {second})[0])
          << first << "\nthen " << second;
    }
  }
}

TEST(CustomDialect, SeveralPointersArraysAndEscapedKeys) {
  DialectDescription dialect = some_dialect();
  dialect.stream.text = {"/choices/0/delta/text", "/choices/1/delta/text", "/a~1b/m~0n", "/7/text"};
  dialect.stream.finish = {"/quoted \"key\""};
  EXPECT_EQ(stream(dialect,
                   {R"({"choices":[{"delta":{"text":"a"}}]})", R"({"choices":[{},{"delta":{"text":"a"}}]})",
                    R"({"choices":[{},{},{"delta":{"text":"a"}}]})",
                    R"({"choices":{"0":{"delta":{"text":"a"}}}})", R"({"a/b":{"m~n":"x"}})",
                    R"({"7":{"text":"x"}})", R"([0,1,2,3,4,5,6,{"text":"x"}])", R"({"quoted \"key\"":1})"}),
            (Meanings{"answer", "answer", "", "answer", "answer", "answer", "answer", "finish"}));
}

TEST(CustomDialect, TheAnswersTextIsItsOwn) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"text":"Yes."})", "Yes."},
      {R"({"thought":"Hm","text":"Yes."})", "Yes."},
      {R"({"text":"Yes.","thought":"Hm"})", "Yes."},
      {R"({"thought":"Hm"})", ""},
  };
  DialectDescription cumulative = some_dialect();
  cumulative.text_is = DialectDescription::Carries::kCumulative;
  for (const auto& [json, text] : cases) {
    std::string body = json;
    body.reserve(body.size() + kPadding);
    const auto dialect = make(some_dialect());
    Chunk streamed, whole, repeated;
    StreamMemory memory = dialect->begin_stream({});
    EXPECT_TRUE(dialect->read_event(body, memory, streamed) && dialect->read_answer(body, memory, whole));
    EXPECT_EQ(streamed.text, text) << json;
    EXPECT_EQ(whole.text, text) << json;
    const auto repeating = make(cumulative);
    memory = repeating->begin_stream({});
    EXPECT_TRUE(repeating->read_event(body, memory, repeated));
    EXPECT_EQ(repeated.text, "") << "says again what earlier events said";
  }
}

TEST(CustomDialect, CumulativeTextCountsWhenItHasChanged) {
  DialectDescription dialect = some_dialect();
  dialect.text_is = DialectDescription::Carries::kCumulative;
  EXPECT_EQ(stream(dialect, {R"({"text":""})", R"({"text":"a"})", R"({"text":"a"})", R"({"text":"a b"})",
                             R"({"end":true})", R"({"text":"a b","end":true})"}),
            (Meanings{"", "answer", "", "answer", "finish", "finish"}));
}

TEST(CustomDialect, UsagePerEventIsAddedUp) {
  DialectDescription dialect = some_dialect();
  dialect.usage_is = DialectDescription::Carries::kDelta;
  // The second and third match the template of the first.
  EXPECT_EQ(stream(dialect,
                   {R"({"text":"a","usage":{"in":7,"out":1}})", R"({"text":"b c","usage":{"in":7,"out":2}})",
                    R"({"text":"d","usage":{"in":7,"out":1}})", R"({"text":""})",
                    R"({"text":"","usage":{"in":7,"out":3}})"}),
            (Meanings{"answer 1 of 7", "answer 3 of 7", "answer 4 of 7", "", "7 of 7"}));
}

TEST(CustomDialect, CountsThatAreNoneAreNotAddedUp) {
  DialectDescription dialect = some_dialect();
  dialect.usage_is = DialectDescription::Carries::kDelta;
  EXPECT_EQ(stream(dialect, {R"({"text":"a","usage":{"in":7,"out":1}})",
                             R"({"text":"b","usage":{"in":7,"out":18446744073709551615}})",
                             R"({"text":"c","usage":{"in":100000000,"out":2}})"}),
            (Meanings{"answer 1 of 7", "answer of 7", "answer 3"}));
  // Nor does their sum become one.
  EXPECT_EQ(stream(dialect, {R"({"text":"a","usage":{"out":99999999}})", R"({"text":"b","usage":{"out":1}})",
                             R"({"text":"c","usage":{"out":99999999}})"}),
            (Meanings{"answer 99999999", "answer", "answer"}));
}

TEST(CustomDialect, AnAnswersOwnCountIsNotAddedUp) {
  DialectDescription dialect = some_dialect();
  dialect.usage_is = DialectDescription::Carries::kDelta;
  dialect.answer.text = {"/whole"};
  Workload workload;
  workload.stream = false;
  std::string body = R"({"whole":"a b","text":"x","usage":{"in":7,"out":2},"end":"stop"})";
  body.reserve(body.size() + kPadding);
  Chunk chunk;
  ASSERT_TRUE(make(dialect, workload)->read_answer(body, {}, chunk));
  EXPECT_EQ(describe(chunk), "answer finish 2 of 7");
}

TEST(CustomDialect, WhatACacheHeldIsAddedToThePrompt) {
  DialectDescription dialect = some_dialect();
  dialect.stream.prompt_tokens = {"/usage/in", "+/usage/kept", "+/usage/written"};
  dialect.stream.cached_tokens = {"/usage/kept"};
  dialect.answer = dialect.stream;
  EXPECT_EQ(
      stream(dialect, {R"({"usage":{"kept":40,"in":7,"written":2}})", R"({"text":"a"})",
                       R"({"text":"b","usage":{"in":8,"out":2}})", R"({"text":"c","usage":{"in":8,"out":3}})",
                       R"({"usage":{"in":0,"kept":9,"out":4}})", R"({"usage":{"kept":99999999}})",
                       R"({"usage":{"in":1}})"}),
      (Meanings{"of 49", "answer", "answer 2 of 50", "answer 3 of 50", "4 of 9", "", ""}))
      << "what is left out of an event is what it was; a sum that no prompt has is none";
  Workload workload;
  workload.stream = false;
  std::string body = R"({"text":"x","usage":{"written":1,"in":7,"kept":2,"out":2},"end":"stop"})";
  body.reserve(body.size() + kPadding);
  Chunk chunk;
  ASSERT_TRUE(make(dialect, workload)->read_answer(body, {}, chunk));
  EXPECT_EQ(describe(chunk), "answer finish 2 of 10");
}

TEST(CustomDialect, ASumNeedsWhatIsAddedTo) {
  DialectDescription dialect = some_dialect();
  for (const auto& [pointers, message] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"+/in"}, "all pointers begin with '+'"},
           {{"/in", "+in"}, "no JSON pointer"},
           {{"/in", "++/in"}, "no JSON pointer"}}) {
    dialect.stream.prompt_tokens = pointers;
    const auto checked = check(dialect);
    ASSERT_FALSE(checked);
    EXPECT_THAT(checked.error().message, HasSubstr(message));
  }
  dialect = some_dialect();
  dialect.stream.completion_tokens = {"/out", "+/more"};
  EXPECT_FALSE(check(dialect)) << "only prompts are summed";
}

TEST(CustomDialect, TheEndMarkerIsExact) {
  DialectDescription dialect = some_dialect();
  dialect.done = "[DONE]";
  EXPECT_EQ(stream(dialect, {"[DONE]", "[DONE] "}), (Meanings{"done", ""}));
}

TEST(CustomDialect, ThePathNamesTheModelPercentEncoded) {
  DialectDescription dialect = some_dialect();
  dialect.path = "/v2/models/{model}/generate_stream";
  dialect.answer_path = "/v2/models/{model}/generate?x=1";
  Workload workload;
  EXPECT_EQ(make(dialect, workload)->path(), "/v2/models/org%2Fm%201/generate_stream");
  workload.stream = false;
  EXPECT_EQ(make(dialect, workload)->path(), "/v2/models/org%2Fm%201/generate?x=1");
  const auto nameless = make_dialect({.api = Api::kCustom, .dialect = dialect}, workload);
  ASSERT_FALSE(nameless);
  EXPECT_THAT(nameless.error().message, HasSubstr("model"));
}

/// The body, parsed by simdjson's other parser and written in a normal form.
std::string written_body(const std::string& request, const Workload& workload, const Prompt& prompt,
                         const std::string& model = "m") {
  const auto compiled = RequestTemplate::compile(request, model, workload);
  if (!compiled) return "error: " + compiled.error().message;
  std::string out;
  compiled->write(prompt, out);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(out).get(root) != simdjson::SUCCESS) return "not JSON: " + out;
  return simdjson::minify(root);
}

constexpr const char* kFull =
    R"({"in":"{prompt}","model":"{model}","p":{"n":"{output_tokens}","t":"{temperature}","k":"{top_p}","x":true},)"
    R"("stream":"{stream}","list":["{output_tokens}",1],"note":"n={output_tokens}, {model}"})";

TEST(RequestTemplate, PlaceholdersTakeTheirValuesType) {
  Workload workload;
  workload.output_tokens = 64;
  workload.temperature = 0.7;
  workload.top_p = 1;
  EXPECT_EQ(written_body(kFull, workload, {.system = "", .text = "Hi"}),
            R"({"in":"Hi","model":"m","p":{"n":64,"t":0.7,"k":1,"x":true},"stream":true,"list":[64,1],)"
            R"("note":"n=64, m"})");
}

TEST(RequestTemplate, WhatTheWorkloadDoesNotSetIsLeftOut) {
  Workload workload;
  workload.stream = false;
  EXPECT_EQ(written_body(kFull, workload, {.system = "", .text = "Hi"}, ""),
            R"({"in":"Hi","p":{"x":true},"stream":false,"list":[1],"note":"n=, "})");
}

TEST(RequestTemplate, SystemPromptsAndMessages) {
  const std::string request =
      R"({"p":"{prompt}","s":"{system}","u":"<|user|>{user}<|end|>","m":"{messages}"})";
  Workload workload;
  EXPECT_EQ(written_body(request, workload, {.system = "", .text = "Hi"}),
            R"({"p":"Hi","u":"<|user|>Hi<|end|>","m":[{"role":"user","content":"Hi"}]})");
  workload.system = "Be brief.";
  EXPECT_EQ(written_body(request, workload, {.system = *workload.system, .text = "Hi"}),
            R"({"p":"Be brief.\n\nHi","s":"Be brief.","u":"<|user|>Hi<|end|>",)"
            R"("m":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]})");
}

TEST(RequestTemplate, PromptsAreEscapedInEveryPlace) {
  const std::string nasty = std::string("\" \\ \n \x01 {model} {prompt} 量子 \"}") + std::string(1, '\0');
  const auto compiled =
      RequestTemplate::compile(R"({"a":"{user}","b":"x {prompt} y","c":"{messages}"})", "m", {});
  ASSERT_TRUE(compiled);
  std::string out;
  compiled->write({.system = "", .text = nasty}, out);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(out).get(root), simdjson::SUCCESS) << out;
  std::string_view text;
  ASSERT_EQ(root["a"].get(text), simdjson::SUCCESS);
  EXPECT_EQ(text, nasty);
  ASSERT_EQ(root["b"].get(text), simdjson::SUCCESS);
  EXPECT_EQ(text, "x " + nasty + " y");
  ASSERT_EQ(root["c"].at(0)["content"].get(text), simdjson::SUCCESS);
  EXPECT_EQ(text, nasty);
}

TEST(RequestTemplate, LiteralsSurvive) {
  EXPECT_EQ(
      written_body(
          R"({"p":"{prompt}","stop":["\n","</s>"],"brace":"{ x } {X} {} {prompt","n":null,"f":1.5,"k\"ey":"\\"})",
          {}, {.system = "", .text = "Hi"}),
      R"({"p":"Hi","stop":["\n","</s>"],"brace":"{ x } {X} {} {prompt","n":null,"f":1.5,"k\"ey":"\\"})");
}

TEST(RequestTemplate, ExtraMembersAreMergedAndWin) {
  Workload workload;
  workload.temperature = 0.5;
  workload.extra_body = R"({"p":{"t":0,"seed":7,"deep":{"a":1}},"ignore_eos":true,"in":"literal {prompt}"})";
  EXPECT_EQ(written_body(R"({"in":"{prompt}","p":{"t":"{temperature}","deep":{"a":0,"b":2}}})", workload,
                         {.system = "", .text = "Hi"}),
            R"({"in":"literal {prompt}","p":{"t":0,"deep":{"a":1,"b":2},"seed":7},"ignore_eos":true})");
}

TEST(RequestTemplate, ExtraMembersStandInForWhatIsNotSet) {
  Workload workload;
  workload.extra_body = R"({"n":32})";
  EXPECT_EQ(
      written_body(R"({"in":"{prompt}","n":"{output_tokens}"})", workload, {.system = "", .text = "Hi"}),
      R"({"in":"Hi","n":32})");
}

TEST(RequestTemplate, MistakesAreErrors) {
  EXPECT_THAT(written_body("[1]", {}, {}), HasSubstr("not a JSON object"));
  EXPECT_THAT(written_body("{", {}, {}), HasSubstr("not a JSON object"));
  EXPECT_THAT(written_body(R"({"a":"{promt}"})", {}, {}), HasSubstr("unknown placeholder '{promt}'"));
  EXPECT_THAT(written_body(R"({"a":"x{messages}"})", {}, {}), HasSubstr("whole string"));
}

TEST(DialectDescription, ChecksPathsAndPointers) {
  const auto message = [](auto change) {
    DialectDescription dialect = some_dialect();
    change(dialect);
    const auto checked = check(dialect);
    return checked ? "" : checked.error().message;
  };
  using D = DialectDescription;
  EXPECT_EQ(message([](D&) {}), "");
  EXPECT_THAT(message([](D& d) { d.path = "go"; }), HasSubstr("'path'"));
  EXPECT_THAT(message([](D& d) { d.path = "/a b"; }), HasSubstr("'path'"));
  EXPECT_THAT(message([](D& d) { d.path = "/a\r\nX-Evil: 1"; }), HasSubstr("'path'"));
  EXPECT_THAT(message([](D& d) { d.answer_path = ""; }), HasSubstr("'answer.path'"));
  EXPECT_THAT(message([](D& d) { d.path = "/{prompt}"; }), HasSubstr("{model}"));
  EXPECT_THAT(message([](D& d) { d.stream.text = {"text"}; }), HasSubstr("'stream.text'"));
  EXPECT_THAT(message([](D& d) { d.answer.error = {"/a~2"}; }), HasSubstr("'answer.error'"));
  EXPECT_THAT(message([](D& d) { d.stream.text = d.stream.reasoning = d.stream.tool_call = {}; }),
              HasSubstr("no 'text'"));
  EXPECT_THAT(message([](D& d) { d.done = "a\nb"; }), HasSubstr("'done'"));
}

}  // namespace
}  // namespace kneepoint
