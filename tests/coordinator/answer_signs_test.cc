#include "coordinator/calibration/answer_signs.h"

#include <gtest/gtest.h>

#include <string>

namespace kneepoint::coordinator {
namespace {

std::optional<UsageReport> usage_of(std::string_view body) {
  return read_signs(openai_answers(), body).usage;
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
  EXPECT_EQ(usage_of("data: {\"choices\":[{\"text\":\"one\"}]}\n\n"), UsageReport::kNone);
  EXPECT_EQ(usage_of("data:{\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}"), UsageReport::kNone);
  EXPECT_EQ(
      usage_of("data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"one\"}]}}]}"),
      UsageReport::kNone)
      << "parts, as Mistral writes them";
  EXPECT_EQ(read_signs(openai_answers(), role + text).form, AnswerForm::kStream);
}

TEST(AnswerSigns, WithoutTextThereIsNoAnswer) {
  const std::string role = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  for (const std::string& body : {std::string(), std::string("{\"error\":\"no\"}"), role,
                                  std::string("data: [1, 2\n\ndata: 3\n\n"), std::string("<html>")})
    EXPECT_FALSE(usage_of(body)) << body;
  const std::string text = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
  EXPECT_FALSE(usage_of(text + "data: {\"error\":{\"message\":\"no\"}}\n\n"));
}

TEST(AnswerSigns, AWholeAnswerIsNoStream) {
  const auto form = [](std::string_view body) { return read_signs(openai_answers(), body).form; };
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":"one"}}]})"), AnswerForm::kWhole);
  EXPECT_EQ(form("\n {\n \"choices\": [{\"text\": \"one\"}]\n}\n"), AnswerForm::kWhole) << "pretty-printed";
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":null,"tool_calls":[{"id":"a"}]}}]})"),
            AnswerForm::kWhole);
  EXPECT_EQ(form(R"({"choices":[{"message":{"content":""},"finish_reason":"length"}]})"), AnswerForm::kWhole)
      << "its two tokens were reasoning that is not shown";
  for (const char* const other :
       {"", "{}", "[]", R"({"error":"no"})", R"({"choices":[]})", R"({"detail":"no"})", "<html>",
        R"({"choices":[{"message":{"content":"one"}}],"error":{"code":500}})"})
    EXPECT_EQ(form(other), AnswerForm::kUnknown) << other;
  EXPECT_EQ(usage_of(R"({"choices":[{"text":"one"}],"usage":{"completion_tokens":1}})"), UsageReport::kAtEnd);
}

TEST(AnswerSigns, ADescriptionsConditionsCount) {
  DialectDescription dialect;
  dialect.stream = {.text = {"/delta when /type=text.delta"},
                    .finish = {"/type=end"},
                    .error = {"/failed", "/ok=false"},
                    .completion_tokens = {"/n"}};
  dialect.answer = {.text = {"/text"}, .error = {"/failed"}};
  const auto signs = [&](std::string_view body) { return read_signs(dialect, body); };
  EXPECT_EQ(
      signs("data: {\"type\":\"text.delta\",\"delta\":\"a\"}\n\ndata: {\"type\":\"end\",\"n\":1}\n\n").usage,
      UsageReport::kAtEnd);
  EXPECT_FALSE(signs("data: {\"type\":\"other\",\"delta\":\"a\"}\n\n").usage);
  EXPECT_FALSE(signs("data: {\"type\":\"text.delta\",\"delta\":[1]}\n\n").usage) << "a text is a string";
  EXPECT_TRUE(signs("data: {\"ok\":false}\n\n").failed);
  EXPECT_FALSE(signs("data: {\"ok\":true,\"failed\":0}\n\n").failed) << "as docs/dialects.md has it";
  EXPECT_EQ(signs(R"({"text":"a"})").form, AnswerForm::kWhole);
  EXPECT_EQ(signs(R"({"delta":"a"})").form, AnswerForm::kUnknown);
  dialect.framing = DialectDescription::Framing::kJsonLines;
  EXPECT_EQ(signs("{\"type\":\"text.delta\",\"delta\":\"a\",\"n\":2}\n").usage, UsageReport::kRunning);
  EXPECT_EQ(signs("{\"text\":\"a\"}\n").form, AnswerForm::kStream) << "one line is a stream of one event";
  EXPECT_EQ(signs("{\n\"text\":\"a\"\n}\n").form, AnswerForm::kWhole);
}

}  // namespace
}  // namespace kneepoint::coordinator
