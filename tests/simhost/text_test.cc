#include "tests/simhost/text.h"

#include <gtest/gtest.h>

#include "tests/simhost/options.h"

namespace kneepoint::simhost {
namespace {

TEST(PromptMeter, CountsFourAsciiBytesOrOneCjkCharacterAsAToken) {
  const auto tokens = [](std::string_view text) {
    PromptMeter meter;
    meter.add(text);
    return meter.tokens();
  };
  EXPECT_EQ(tokens(""), 1);
  EXPECT_EQ(tokens("abcd"), 1);
  EXPECT_EQ(tokens("abcde"), 2);
  EXPECT_EQ(tokens("什么是量子计算?"), 8);
  EXPECT_EQ(tokens("éé"), 1);  // two other letters make one
  EXPECT_EQ(tokens("🙂"), 1);
  EXPECT_EQ(tokens("\xe4\xbb"), 1);  // cut off: counted as bytes, never read past
}

TEST(PromptMeter, EqualPrefixesHaveEqualBlocks) {
  PromptMeter a(16), b(16);
  a.add(std::string(64, 'x') + std::string(64, 'y'));
  b.add(std::string(64, 'x') + std::string(64, 'z'));
  ASSERT_EQ(a.blocks().size(), 2u);
  ASSERT_EQ(b.blocks().size(), 2u);
  EXPECT_EQ(a.blocks()[0], b.blocks()[0]);
  EXPECT_NE(a.blocks()[1], b.blocks()[1]);
}

TEST(JsonEscape, EscapesWhatJsonForbids) {
  std::string out;
  append_json_escaped(out, "a\"b\\c\n\t\x01量");
  EXPECT_EQ(out, "a\\\"b\\\\c\\n\\t\\u0001量");
}

TEST(Options, Durations) {
  EXPECT_EQ(*parse_duration("200us"), std::chrono::microseconds(200));
  EXPECT_EQ(*parse_duration("1.5s"), std::chrono::milliseconds(1500));
  EXPECT_EQ(*parse_duration("2m"), std::chrono::minutes(2));
  EXPECT_EQ(*parse_duration("3"), std::chrono::seconds(3));
  for (std::string_view bad : {"", "s", "5h", "-1s", "1 s"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Options, FaultRates) {
  const auto rate = parse_fault_rate("reset=0.25");
  ASSERT_TRUE(rate);
  EXPECT_EQ(rate->fault, Fault::kReset);
  EXPECT_EQ(rate->rate, 0.25);
  for (std::string_view bad : {"reset", "reset=", "reset=2", "reset=0.1x", "nothing=0.1"}) {
    EXPECT_FALSE(parse_fault_rate(bad)) << bad;
  }
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    const auto fault = static_cast<Fault>(i);
    EXPECT_EQ(parse_fault(to_string(fault)), fault);
  }
}

TEST(Options, Listen) {
  HostConfig config;
  ASSERT_TRUE(parse_listen("0.0.0.0:8000", config));
  EXPECT_EQ(config.address, "0.0.0.0");
  EXPECT_EQ(config.port, 8000);
  ASSERT_TRUE(parse_listen("[::1]:9", config));
  EXPECT_EQ(config.address, "::1");
  for (std::string_view bad : {"", "8000", ":8000", "host:", "host:99999"}) {
    EXPECT_FALSE(parse_listen(bad, config)) << bad;
  }
}

TEST(Options, TimeScaleScalesTheKneeNotAtAllAndThroughputInversely) {
  EngineConfig engine = find_profile("demo")->engine;
  const Truth before = true_knee(engine, {6, 64});
  scale_time(engine, 0.1);
  const Truth after = true_knee(engine, {6, 64});
  EXPECT_NEAR(after.saturation_concurrency, before.saturation_concurrency, 0.1);
  EXPECT_NEAR(after.max_tokens_per_second, 10 * before.max_tokens_per_second,
              0.02 * after.max_tokens_per_second);
}

}  // namespace
}  // namespace kneepoint::simhost
