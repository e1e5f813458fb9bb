#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "coordinator/plan/plan_printer.h"
#include "coordinator/plan/ready_dialects.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::filesystem::path kDialects = std::filesystem::path(KNEEPOINT_SOURCE_DIR) / "configs" / "dialects";

/// A plan whose target's dialect is `dialect`, in flow style on line 3.
std::string plan_with(const std::string& dialect, const std::string& more = ", model: m") {
  return Parts{.target = "{name: host, url: 'http://h:1', api: custom, dialect: " + dialect + more + "}"}
      .text();
}

DialectDescription load_dialect(const std::string& dialect, const std::string& more = ", model: m") {
  const auto plan = parse_plan(plan_with(dialect, more), "sweep.yaml", fake_variables());
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? plan->targets[0].dialect.value_or(DialectDescription()) : DialectDescription();
}

TEST(PlanDialect, AnInlineDescription) {
  const DialectDescription dialect = load_dialect(
      "{path: /gen, request: {in: '{prompt}', n: '{output_tokens}', k: 5, on: true, s: 'true'}, framing: "
      "json_lines, text_is: cumulative, usage_is: delta, done: END, stream: {text: [/a, /b/0], reasoning: "
      "/r, "
      "tool_call: /t, finish: /f, error: /e, completion_tokens: /c, prompt_tokens: /p}, answer: {path: "
      "/whole, "
      "text: /w}}");
  EXPECT_EQ(dialect.path, "/gen");
  EXPECT_EQ(dialect.answer_path, "/whole");
  EXPECT_EQ(dialect.request, R"({"in":"{prompt}","n":"{output_tokens}","k":5,"on":true,"s":"true"})");
  EXPECT_EQ(dialect.framing, DialectDescription::Framing::kJsonLines);
  EXPECT_EQ(dialect.text_is, DialectDescription::Carries::kCumulative);
  EXPECT_EQ(dialect.usage_is, DialectDescription::Carries::kDelta);
  EXPECT_EQ(dialect.done, "END");
  EXPECT_THAT(dialect.stream.text, ElementsAre("/a", "/b/0"));
  EXPECT_THAT(dialect.stream.completion_tokens, ElementsAre("/c"));
  EXPECT_THAT(dialect.answer.text, ElementsAre("/w"));
  EXPECT_THAT(dialect.answer.completion_tokens, IsEmpty());
}

TEST(PlanDialect, ReadyDescriptionsAreInTheProgram) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kDialects)) files += entry.is_regular_file();
  EXPECT_EQ(ready_dialects().size(), files) << "all of configs/dialects";
  for (const ReadyDialect& ready : ready_dialects()) {
    const std::string file = (kDialects / ready.name).string() + ".yaml";
    const DialectDescription dialect = load_dialect("dialects/" + std::string(ready.name) + ".yaml");
    EXPECT_EQ(dialect, load_dialect("'" + file + "'")) << ready.name;
    const auto read = read_ready_dialect(ready);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(dialect, *read);
  }
}

TEST(PlanDialect, AFileGoesBeforeAReadyDescription) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("kneepoint-ready-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder / "dialects");
  std::ofstream(folder / "dialects" / "tgi.yaml")
      << "path: /mine\nrequest: {in: \"{prompt}\"}\nstream: {text: /t}\n";
  const auto path_of = [&](const std::string& file) {
    const auto plan = parse_plan(plan_with(file), (folder / "sweep.yaml").string(), fake_variables());
    return plan ? plan->targets[0].dialect->path : plan.error().message;
  };
  EXPECT_EQ(path_of("dialects/tgi.yaml"), "/mine");
  EXPECT_EQ(path_of("dialects/ollama.yaml"), "/api/chat");
  for (const char* const other : {"tgi.yaml", "dialects/tgi", "mine/ollama.yaml", "dialects/none.yaml"})
    EXPECT_THAT(path_of(other), HasSubstr("cannot be read")) << other;
  std::filesystem::remove_all(folder);
}

TEST(PlanDialect, DefaultsAreThoseOfMostServers) {
  const DialectDescription dialect =
      load_dialect("{path: /gen, request: {in: '{prompt}'}, stream: {text: /t, finish: /f}}");
  EXPECT_EQ(dialect.framing, DialectDescription::Framing::kServerSentEvents);
  EXPECT_EQ(dialect.text_is, DialectDescription::Carries::kDelta);
  EXPECT_EQ(dialect.usage_is, DialectDescription::Carries::kCumulative);
  EXPECT_EQ(dialect.done, "");
  EXPECT_EQ(dialect.answer_path, "/gen");
  EXPECT_EQ(dialect.answer, dialect.stream) << "an answer reads like an event unless the plan says how";
}

TEST(PlanDialect, AnAnswerWithOnlyAPathReadsLikeAnEvent) {
  const DialectDescription dialect =
      load_dialect("{path: /gen, request: {in: '{prompt}'}, stream: {text: /t}, answer: {path: /whole}}");
  EXPECT_EQ(dialect.answer_path, "/whole");
  EXPECT_EQ(dialect.answer, dialect.stream);
}

TEST(PlanDialect, ReadyDescriptionsLoad) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kDialects)) {
    const DialectDescription dialect = load_dialect(entry.path().string());
    EXPECT_TRUE(check(dialect));
    EXPECT_FALSE(dialect.stream.error.empty()) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 4);
}

TEST(PlanDialect, TheExampleOfTheDocumentationLoads) {
  std::ifstream in(std::filesystem::path(KNEEPOINT_SOURCE_DIR) / "docs" / "dialects.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = text.find("    api: custom\n    dialect:\n");
  ASSERT_NE(begin, text.npos);
  const std::string example = text.substr(begin, text.find("```", begin) - begin);
  const auto plan =
      parse_plan("kneepoint: 1\ntargets:\n  - name: host\n    url: http://h:1\n" + example +
                     "scenarios:\n  - {name: s, workload: {prompts: [hi]}, ramp: {steps: [1]}}\n",
                 "sweep.yaml", fake_variables());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->targets[0].dialect->done, "end");
}

TEST(PlanDialect, FilesAreTakenFromThePlansFolder) {
  const auto plan = parse_plan(plan_with("dialects/tgi.yaml", ""),
                               (kDialects.parent_path() / "plan.yaml").string(), fake_variables());
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->targets[0].dialect->path, "/generate_stream");
  EXPECT_THAT(describe_plan(*plan), HasSubstr("POST /generate_stream, streamed as server-sent events"));
}

TEST(PlanDialect, AModelIsNeededWhereRequestsNameIt) {
  EXPECT_EQ(load_dialect("{path: /gen, request: {in: '{prompt}'}, stream: {text: /t}}", "").path, "/gen");
  EXPECT_THAT(error_of(plan_with("{path: '/{model}', request: {in: '{prompt}'}, stream: {text: /t}}", "")),
              HasSubstr("has no 'model'"));
  EXPECT_THAT(
      error_of(plan_with("{path: /gen, request: {in: '{prompt}', m: '{model}'}, stream: {text: /t}}", "")),
      HasSubstr("has no 'model'"));
}

struct Mistake {
  std::string dialect;
  std::string error;
};

TEST(PlanDialect, MistakesAreNamedWithTheirPlace) {
  const std::string place = "sweep.yaml:3:";
  const Mistake mistakes[] = {
      {"{request: {in: '{prompt}'}, stream: {text: /t}}", "the dialect has no 'path'; add it"},
      {"{path: /g, stream: {text: /t}}", "the dialect has no 'request'; add it"},
      {"{path: /g, request: {in: '{prompt}'}}", "the dialect has no 'stream'; add it"},
      {"{path: /g, request: {in: '{prompt}'}, stream: {txt: /t}}", "did you mean 'text'?"},
      {"{path: /g, request: {in: '{prompt}'}, stream: {text: t}}", "'t' is no JSON pointer"},
      {"{path: /g, request: {in: '{prompt}'}, stream: {text: /t~}}", "neither ~0 nor ~1"},
      {"{path: /g, request: {in: '{prompt}'}, stream: {finish: /t}}", "'stream' has no 'text'"},
      {"{path: g, request: {in: '{prompt}'}, stream: {text: /t}}", "'path' must start with '/'"},
      {"{path: /g, request: {in: hello}, stream: {text: /t}}", "'request' sends no prompt"},
      {"{path: /g, request: {in: '{promt}'}, stream: {text: /t}}",
       "unknown placeholder '{promt}'; there are prompt"},
      {"{path: /g, request: {in: {prompt}}, stream: {text: /t}}", "write \"{prompt}\""},
      {"{path: /g, request: {in: 'a {messages}'}, stream: {text: /t}}", "must be the whole string"},
      {"{path: /g, request: ['{prompt}'], stream: {text: /t}}", "'request' must be a mapping"},
      {"{path: /g, request: {in: '{prompt}'}, framing: lines, stream: {text: /t}}",
       "'framing' is 'sse' or 'json_lines'"},
      {"{path: /g, request: {in: '{prompt}'}, text_is: all, stream: {text: /t}}",
       "'text_is' is 'delta' or 'cumulative'"},
      {"none.yaml", "dialect file 'none.yaml' cannot be read"},
      {"/dev/zero", "cannot be read"},
      {"/", "cannot be read"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string error = error_of(plan_with(mistake.dialect));
    EXPECT_THAT(error, testing::StartsWith(place)) << mistake.dialect;
    EXPECT_THAT(error, HasSubstr(mistake.error)) << mistake.dialect;
  }
  EXPECT_THAT(error_of(Parts{.target = "{name: host, url: 'http://h:1', api: custom}"}.text()),
              HasSubstr("has no 'dialect'"));
  EXPECT_THAT(error_of(Parts{.target = "{name: host, url: 'http://h:1', model: m, dialect: x.yaml}"}.text()),
              HasSubstr("it needs api: custom"));
}

TEST(PlanDialect, AMistakeInAFileIsNamedWithBothPlaces) {
  const auto folder =
      std::filesystem::temp_directory_path() / ("kneepoint-dialect-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto file = folder / "broken.yaml";
  std::ofstream(file) << "path: /g\nrequest: {in: \"{prompt}\"}\nstream:\n  text: t\n";
  const std::string error = error_of(plan_with(file.string()));
  EXPECT_THAT(error, testing::StartsWith("sweep.yaml:3:"));
  EXPECT_THAT(error, HasSubstr("broken.yaml:4:9: 't' is no JSON pointer"));
  std::ofstream(file, std::ios::trunc) << std::string(300 * 1024, ' ');
  EXPECT_THAT(error_of(plan_with(file.string())), HasSubstr("larger than 256 KiB"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kneepoint::coordinator
