#include "coordinator/calibration/answer_signs.h"

#include <gtest/gtest.h>

#include <string>

namespace kneepoint::coordinator {
namespace {

const Target kChat{.api = Api::kOpenAiChat};
const Target kCompletions{.api = Api::kOpenAiCompletions};

std::optional<UsageReport> usage_of(std::string_view body, const Target& target = kChat) {
  return read_signs(target, body).usage;
}
AnswerForm form_of(std::string_view body, const Target& target = kChat) {
  return read_signs(target, body).form;
}

TEST(AnswerSigns, TellWhereTokensOfAStreamComeFrom) {
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\r\n\r\n";
  const std::string counted =
      "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}],\"usage\":{\"completion_tokens\":1}}\n\n";
  const std::string at_end = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
  EXPECT_EQ(usage_of(role + text), UsageReport::kNone);
  EXPECT_EQ(usage_of(role + text + at_end), UsageReport::kAtEnd);
  EXPECT_EQ(usage_of(role + counted + at_end), UsageReport::kRunning);
  EXPECT_EQ(usage_of("data: {\"choices\":[{\"text\":\"one\"}]}\n\n", kCompletions), UsageReport::kNone);
  EXPECT_FALSE(usage_of("data: {\"choices\":[{\"text\":\"one\"}]}\n\n"))
      << "no chat has it, nor would the load";
  EXPECT_EQ(usage_of("data:{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}"), UsageReport::kNone);
  EXPECT_EQ(
      usage_of("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}}]}"),
      UsageReport::kNone)
      << "parts, as Mistral writes them";
  EXPECT_EQ(form_of(role + text), AnswerForm::kStream);
}

TEST(AnswerSigns, WithoutTextThereIsNoAnswer) {
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  for (const std::string& body : {std::string(), std::string("{\"error\":\"no\"}"), role,
                                  std::string("data: [1, 2\n\ndata: 3\n\n"), std::string("<html>")})
    EXPECT_FALSE(usage_of(body)) << body;
  const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
  for (const char* const failure : {"data: {\"error\":{\"message\":\"no\"}}\n\n",
                                    "event: error\ndata: no\n\n", "{\"detail\":\"no\"}\n\n"}) {
    EXPECT_FALSE(usage_of(text + failure)) << failure;
    EXPECT_EQ(form_of(text + failure), AnswerForm::kUnknown) << failure;
  }
}

TEST(AnswerSigns, AWholeAnswerIsNoStream) {
  EXPECT_EQ(form_of(R"({"choices":[{"message":{"content":"one"}}]})"), AnswerForm::kWhole);
  EXPECT_EQ(form_of("\n {\n \"choices\": [{\"text\": \"one\"}]\n}\n", kCompletions), AnswerForm::kWhole)
      << "pretty-printed";
  EXPECT_EQ(form_of(R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]}}]})"),
            AnswerForm::kWhole);
  EXPECT_EQ(form_of(R"({"choices":[{"message":{"content":""},"finish_reason":"length"}]})"),
            AnswerForm::kWhole)
      << "its two tokens were reasoning that is not shown";
  for (const char* const other :
       {"", "{}", "[]", R"({"error":"no"})", R"({"choices":[]})", R"({"detail":"no"})", "<html>",
        R"({"choices":[{"message":{"content":"one"}}],"error":{"code":500}})"})
    EXPECT_EQ(form_of(other), AnswerForm::kUnknown) << other;
  EXPECT_EQ(usage_of(R"({"choices":[{"text":"one"}],"usage":{"completion_tokens":1}})", kCompletions),
            UsageReport::kAtEnd);
}

/// A target in a dialect of its own.
Target target_with(const AnswerPointers& stream, const AnswerPointers& answer) {
  DialectDescription dialect{.path = "/go", .answer_path = "/go", .request = R"({"in":"{prompt}"})"};
  dialect.stream = stream;
  dialect.answer = answer;
  return {.api = Api::kCustom, .dialect = dialect};
}

TEST(AnswerSigns, ADescriptionsConditionsCount) {
  Target target = target_with({.text = {"/delta when /type=text.delta"},
                               .finish = {"/type=end"},
                               .error = {"/failed", "/ok=false"},
                               .completion_tokens = {"/n"}},
                              {.text = {"/text"}, .error = {"/failed"}});
  const auto signs = [&](std::string_view body) { return read_signs(target, body); };
  const std::string text = "data: {\"type\":\"text.delta\",\"delta\":\"a\"}\n\n";
  EXPECT_EQ(signs(text + "data: {\"type\":\"end\",\"n\":1}\n\n").usage, UsageReport::kAtEnd);
  EXPECT_FALSE(signs("data: {\"type\":\"other\",\"delta\":\"a\"}\n\n").usage);
  EXPECT_FALSE(signs("data: {\"type\":\"text.delta\",\"delta\":[1]}\n\n").usage) << "a text is a string";
  EXPECT_FALSE(signs(text + "data: {\"ok\":false}\n\n").usage);
  EXPECT_TRUE(signs(text + "data: {\"ok\":true,\"failed\":0}\n\n").usage) << "as docs/dialects.md has it";
  EXPECT_EQ(signs(R"({"text":"a"})").form, AnswerForm::kWhole);
  EXPECT_EQ(signs(R"({"delta":"a"})").form, AnswerForm::kUnknown);
  target.dialect->framing = DialectDescription::Framing::kJsonLines;
  EXPECT_EQ(signs("{\"type\":\"text.delta\",\"delta\":\"a\",\"n\":2}\n").usage, UsageReport::kRunning);
  EXPECT_EQ(signs("{\"text\":\"a\"}\n").form, AnswerForm::kStream) << "one line is a stream of one event";
  EXPECT_EQ(signs("{\n\"text\":\"a\"\n}\n").form, AnswerForm::kWhole);
}

TEST(AnswerSigns, ThePromptsTokensAreAddedUpAsTheLoadAddsThem) {
  const char* const body = R"({"text":"a","usage":{"in":7,"cached":100}})";
  Target target = target_with({.text = {"/text"}}, {.text = {"/text"}});
  EXPECT_EQ(read_prompt_tokens(target, body), std::nullopt);
  target.dialect->answer.prompt_tokens = {"/usage/in", "+/usage/cached"};
  EXPECT_EQ(read_prompt_tokens(target, body), 107u);
  EXPECT_EQ(read_prompt_tokens(target, "<html>"), std::nullopt);
  EXPECT_EQ(read_prompt_tokens(kChat, R"({"choices":[],"usage":{"prompt_tokens":9}})"), 9u);
}

TEST(AnswerSigns, AWholeAnswerMayReportAnError) {
  EXPECT_EQ(reports_error(kChat, R"({"choices":[{"message":{"content":"one"}}],"error":null})"), false);
  EXPECT_EQ(reports_error(kChat, "{}"), false);
  EXPECT_EQ(reports_error(kChat, R"({"code":1305,"message":"busy"})"), true);
  EXPECT_EQ(reports_error(target_with({.text = {"/text"}}, {.text = {"/text"}, .error = {"/ok=false"}}),
                          R"({"text":"a","ok":false})"),
            true);
  EXPECT_EQ(reports_error(kChat, "<html>"), std::nullopt);
}

TEST(AnswerSigns, TextThatIsRepeatedIsNotContentAgain) {
  Target target = target_with({.text = {"/text"}, .completion_tokens = {"/n"}}, {.text = {"/text"}});
  const char* const body = "data: {\"text\":\"a\"}\n\ndata: {\"text\":\"a\",\"n\":1}\n\n";
  EXPECT_EQ(usage_of(body, target), UsageReport::kRunning);
  target.dialect->text_is = DialectDescription::Carries::kCumulative;
  EXPECT_EQ(usage_of(body, target), UsageReport::kAtEnd) << "its last event says nothing but the count";
}

}  // namespace
}  // namespace kneepoint::coordinator
