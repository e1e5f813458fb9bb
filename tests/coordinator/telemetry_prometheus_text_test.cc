#include "coordinator/telemetry/prometheus_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kneepoint::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

Exposition parse(std::string_view text, const ExpositionLimits& limits = {}) {
  return parse_exposition(
      text, [](std::string_view) { return true; }, limits);
}

double value_of(std::string_view line) {
  const Exposition exposition = parse(line);
  EXPECT_THAT(exposition.samples, SizeIs(1)) << line;
  return exposition.samples.empty() ? -12345 : exposition.samples[0].value;
}

TEST(PrometheusText, ReadsNamesLabelsAndValues) {
  const auto exposition = parse(
      "# HELP vllm:num_requests_running Number of requests.\n"
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"a b,c}\"} 2.0\n"
      "\n"
      "up 1\n");
  ASSERT_THAT(exposition.samples, SizeIs(2));
  EXPECT_EQ(exposition.samples[0].name, "vllm:num_requests_running");
  EXPECT_THAT(exposition.samples[0].labels, ElementsAre(Pair("engine", "0"), Pair("model_name", "a b,c}")));
  EXPECT_EQ(exposition.samples[0].value, 2);
  EXPECT_EQ(exposition.samples[1].name, "up");
  EXPECT_EQ(exposition.samples[1].label("absent"), "");
  EXPECT_EQ(exposition.malformed, 0u);
  EXPECT_FALSE(exposition.truncated);
}

TEST(PrometheusText, UnescapesLabels) {
  const auto exposition = parse(R"(m{a="quote \" back \\ line \n other \t",b=""} 1)");
  ASSERT_THAT(exposition.samples, SizeIs(1));
  EXPECT_EQ(exposition.samples[0].label("a"), "quote \" back \\ line \n other \\t");
  EXPECT_THAT(exposition.samples[0].labels, SizeIs(2));
}

TEST(PrometheusText, ReadsEverySpellingOfNumbers) {
  EXPECT_EQ(value_of("m 8.128902e+06"), 8128902);
  EXPECT_EQ(value_of("m -1"), -1);
  EXPECT_EQ(value_of("m +2.5"), 2.5);
  EXPECT_EQ(value_of("m 1e-320"), 1e-320);
  EXPECT_TRUE(std::isnan(value_of("m NaN")));
  EXPECT_TRUE(std::isnan(value_of("m nan")));
  EXPECT_EQ(value_of("m +Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(value_of("m -Inf"), -std::numeric_limits<double>::infinity());
}

TEST(PrometheusText, ReadsOverTimestampsAndExemplars) {
  EXPECT_EQ(value_of("m{a=\"b\"} 1 1700000000000"), 1);
  EXPECT_EQ(value_of("m 1 1700000000.123"), 1);
  EXPECT_EQ(value_of("m_bucket{le=\"0.1\"} 8 # {trace_id=\"KOO5S4vxi0o\"} 0.067"), 8);
  EXPECT_EQ(value_of("m_bucket{le=\"0.1\"} 8 1520879607.789 # {trace_id=\"x\"} 0.067 1520879607.7"), 8);
}

TEST(PrometheusText, TakesLooseSpacingTrailingCommasAndCarriageReturns) {
  EXPECT_EQ(value_of("  m { a = \"1\" , b=\"2\", }\t 3  \r\n"), 3);
  EXPECT_EQ(value_of("m{} 4"), 4);
  EXPECT_EQ(value_of("m 5"), 5) << "no line end";
}

TEST(PrometheusText, ReadsQuotedUtf8Names) {
  const auto exposition = parse("{\"my.metric\",\"a.b\"=\"c\"} 7\n");
  ASSERT_THAT(exposition.samples, SizeIs(1));
  EXPECT_EQ(exposition.samples[0].name, "my.metric");
  EXPECT_EQ(exposition.samples[0].label("a.b"), "c");
}

TEST(PrometheusText, KeepsOnlyWantedNames) {
  const auto exposition = parse_exposition("a 1\nab 2\nb{x=\"broken 3\na{k=\"v\"} 4\n",
                                           [](std::string_view name) { return name == "a"; });
  ASSERT_THAT(exposition.samples, SizeIs(2));
  EXPECT_EQ(exposition.samples[1].value, 4);
  EXPECT_EQ(exposition.malformed, 0u) << "what is not wanted is not read";
}

TEST(PrometheusText, CountsMalformedLinesAndGoesOn) {
  for (const char* line : {"m",
                           "m ",
                           "m{",
                           "m{a",
                           "m{a=",
                           "m{a=\"",
                           "m{a=\"b",
                           "m{a=\"b\"",
                           "m{a=\"b\"}",
                           "m{a=\"b\" c=\"d\"} 1",
                           "m{=\"b\"} 1",
                           "m{a=b} 1",
                           "m one",
                           "m 1x",
                           "m 1 2 3",
                           "m 1 x",
                           "m ++1",
                           "m 0x10",
                           "m{a=\"\\",
                           "{} 1",
                           "{\"n\",\"m\"} 1",
                           "m{,} 1",
                           "m 1e999999",
                           "{\"unclosed} 1"}) {
    const auto exposition = parse(std::string(line) + "\ngood 1\n");
    EXPECT_EQ(exposition.malformed, 1u) << line;
    ASSERT_THAT(exposition.samples, SizeIs(1)) << line;
    EXPECT_EQ(exposition.samples[0].name, "good") << line;
  }
}

TEST(PrometheusText, EveryPrefixOfATextIsReadWithoutHarm) {
  const std::string text = "# x\nm{a=\"q\\\"\\n\",b=\"c\"} 1.5e3 17 # {t=\"u\"} 2\r\n{\"n\"} +Inf\n";
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const auto exposition = parse(std::string_view(text).substr(0, length));
    EXPECT_LE(exposition.samples.size() + exposition.malformed, 2u);
  }
  EXPECT_THAT(parse(text).samples, SizeIs(2));
}

TEST(PrometheusText, SurvivesBinaryText) {
  std::string text;
  for (int i = 0; i < 4096; ++i) text += static_cast<char>((i * 131) % 256);
  const auto exposition = parse(text);
  EXPECT_LE(exposition.samples.size() + exposition.malformed, 4096u);
}

TEST(PrometheusText, BoundsBytesAndNeverReadsHalfANumber) {
  const auto exposition = parse("a 1\nb 23456\n", {.bytes = 8});
  ASSERT_THAT(exposition.samples, SizeIs(1));
  EXPECT_EQ(exposition.samples[0].name, "a");
  EXPECT_TRUE(exposition.truncated);
  EXPECT_THAT(parse("a 123", {.bytes = 4}).samples, IsEmpty());
}

TEST(PrometheusText, BoundsSamplesLinesAndLabels) {
  const auto samples = parse("a 1\nb 2\nc 3\n", {.samples = 2});
  EXPECT_THAT(samples.samples, SizeIs(2));
  EXPECT_TRUE(samples.truncated);

  const auto lines = parse("m{a=\"" + std::string(1000, 'x') + "\"} 1\nb 2\n", {.line_bytes = 100});
  EXPECT_EQ(lines.malformed, 1u);
  EXPECT_THAT(lines.samples, SizeIs(1));

  const auto labels = parse("m{a=\"1\",b=\"2\",c=\"3\"} 1\nb 2\n", {.labels = 2});
  EXPECT_EQ(labels.malformed, 1u);
  EXPECT_THAT(labels.samples, SizeIs(1));
}

}  // namespace
}  // namespace kneepoint::coordinator
