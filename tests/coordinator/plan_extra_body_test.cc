#include "coordinator/plan/extra_body.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

std::string extra_body_of(const std::string& yaml_text) {
  const auto plan = parse_plan(Parts{.workload = "{prompts: [a], extra_body: " + yaml_text + "}"}.text(),
                               "p.yaml", fake_variables());
  return plan ? plan->scenarios[0].workload.extra_body : plan.error().message;
}

TEST(ExtraBody, KeepsTypes) {
  EXPECT_EQ(extra_body_of("{ignore_eos: true, min_tokens: 512, a: 0.5, b: -1e3, c: null, d: ~}"),
            R"({"ignore_eos":true,"min_tokens":512,"a":0.5,"b":-1e3,"c":null,"d":null})");
  EXPECT_EQ(
      extra_body_of("{a: '512', b: \"true\", c: 'null', d: !!str 5, e: 'yes', f: 2024-01-01, g: '0x1F'}"),
      R"({"a":"512","b":"true","c":"null","d":"5","e":"yes","f":"2024-01-01","g":"0x1F"})");
  EXPECT_EQ(extra_body_of("{stop: [END, '\\n'], nested: {deep: [1, {x: false}]}, empty: {}, none: []}"),
            R"({"stop":["END","\\n"],"nested":{"deep":[1,{"x":false}]},"empty":{},"none":[]})");
  EXPECT_EQ(extra_body_of("{}"), "");
}

TEST(ExtraBody, BooleansAndNullInEverySpellingOfYaml) {
  EXPECT_EQ(extra_body_of("{a: True, b: TRUE, c: False, d: FALSE, e: Null, f: NULL, g: ~, h: }"),
            R"({"a":true,"b":true,"c":false,"d":false,"e":null,"f":null,"g":null,"h":null})");
  EXPECT_EQ(extra_body_of("{kwargs: {thinking: [False, {on: True}]}}"),
            R"({"kwargs":{"thinking":[false,{"on":true}]}})");
  EXPECT_EQ(extra_body_of("{a: 'True', b: \"no\", c: !!str Null, d: 'None', e: none, f: not, g: null value}"),
            R"({"a":"True","b":"no","c":"Null","d":"None","e":"none","f":"not","g":"null value"})");
}

TEST(ExtraBody, RefusesWordsThatAreBooleansOnlyToSome) {
  const std::pair<const char*, const char*> cases[] = {
      {"yes", "true"},  {"Yes", "true"},    {"YES", "true"},  {"on", "true"},   {"On", "true"},
      {"y", "true"},    {"no", "false"},    {"off", "false"}, {"OFF", "false"}, {"N", "false"},
      {"tRue", "true"}, {"fALSE", "false"}, {"nULL", "null"}, {"None", "null"}};
  for (const auto& [word, meant] : cases) {
    EXPECT_EQ(extra_body_of(std::string("{a: ") + word + "}"),
              std::string("p.yaml:6:46: '") + word + "' is '" + meant +
                  "' to some and a text to others; write " + meant + ", or \"" + word +
                  "\" in quotes where a text is meant");
  }
}

TEST(ExtraBody, IsValidJsonWhateverTheText) {
  const std::string json = extra_body_of(R"({"quo\"te": "a\tb\nc\\d\u0001 \u00e9 量子", plain: it's})");
  EXPECT_EQ(json, "{\"quo\\\"te\":\"a\\tb\\nc\\\\d\\u0001 é 量子\",\"plain\":\"it's\"}");
  simdjson::dom::parser parser;
  EXPECT_EQ(parser.parse(json).error(), simdjson::SUCCESS);
}

TEST(ExtraBody, RefusesNumbersThatJsonCannotSpell) {
  for (const char* number : {".5", "5.", "+1", "007", "0x1F", "0o17", ".inf", "-.inf", ".nan", "1.e5",
                             "1_000", "-1_000.5", "0b101", "0x1_F", "190:20:30", "12:30"}) {
    EXPECT_EQ(extra_body_of(std::string("{a: ") + number + "}"),
              std::string("p.yaml:6:46: '") + number +
                  "' is no JSON number; write it as JSON does, or quote it as a text");
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
