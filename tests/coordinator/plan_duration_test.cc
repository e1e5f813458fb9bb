#include "coordinator/plan/duration.h"

#include <gtest/gtest.h>

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

TEST(Duration, ReadsUnits) {
  EXPECT_EQ(parse_duration("30s"), Nanos(30s));
  EXPECT_EQ(parse_duration("2m"), Nanos(2min));
  EXPECT_EQ(parse_duration("500ms"), Nanos(500ms));
  EXPECT_EQ(parse_duration("250us"), Nanos(250us));
  EXPECT_EQ(parse_duration("1h30m"), Nanos(90min));
  EXPECT_EQ(parse_duration("1.5s"), Nanos(1500ms));
  EXPECT_EQ(parse_duration("0s"), Nanos(0));
  EXPECT_EQ(parse_duration("1000h"), Nanos(1000h));
}

TEST(Duration, RefusesTheRest) {
  for (const char* text : {"",
                           "30",
                           "s",
                           "-1s",
                           "+1s",
                           "30 s",
                           "30S",
                           "30sec",
                           "30s2m",
                           "1m1m",
                           "1d",
                           "1e3s",
                           "nans",
                           "infs",
                           ".5s",
                           "1001h",
                           "999999999999999999999h",
                           "1h-30m",
                           "30s ",
                           "5mss"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, WritesWhatItReads) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(3661s + 5ms), "1h1m1s5ms");
  for (const char* text : {"500ms", "1h30m", "70s", "1m10s", "999us", "1.25s"}) {
    EXPECT_EQ(parse_duration(format_duration(*parse_duration(text))), parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
