#include "coordinator/live/course.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kneepoint::coordinator {
namespace {

TEST(Course, GrowsByASecondAndLeavesGapsWhereNothingCame) {
  Course course;
  EXPECT_EQ(course.add(10, {.in_flight = 4, .telemetry = {{"waiting", "requests", "host", 2}}}), 0u);
  EXPECT_EQ(course.add(12, {.in_flight = 8, .ttft_p50 = 0.25}), 2u);
  const RunTimeline& run = course.so_far();
  EXPECT_EQ(run.begin, 10);
  EXPECT_EQ(run.in_flight, (TimelineValues{4, std::nullopt, 8}));
  EXPECT_EQ(run.ttft_p50, (TimelineValues{std::nullopt, std::nullopt, 0.25}));
  ASSERT_EQ(run.telemetry.size(), 1u);
  EXPECT_EQ(run.telemetry[0].values, (TimelineValues{2, std::nullopt, std::nullopt}));
  EXPECT_EQ(bin_json(run, 2),
            R"({"at":2,"begin":10,"bin_seconds":1,"values":[null,8,null,null,null,0.25,null],)"
            R"("telemetry":[{"name":"waiting","unit":"requests","target":"host","value":null}]})");
}

TEST(Course, StaysBoundedHoweverLongTheRun) {
  Course course;
  constexpr std::int64_t kSeconds = 4 * RunTimeline::kMaxBins + 7;
  int folded = 0;
  for (std::int64_t second = 0; second < kSeconds; ++second) {
    const double value = second % 2 == 0 ? 10 : 20;
    folded += course.add(second, {.asked = value, .in_flight = value}) ? 0 : 1;
    ASSERT_LE(course.so_far().bins(), RunTimeline::kMaxBins);
  }
  EXPECT_EQ(folded, 3) << "whoever follows is told that all bins are new";
  const RunTimeline& run = course.so_far();
  EXPECT_EQ(run.bin_seconds, 8);
  EXPECT_EQ(run.asked.size(), run.bins());
  EXPECT_DOUBLE_EQ(*run.in_flight.front(), 15) << "the mean";
  EXPECT_DOUBLE_EQ(*run.asked.front(), 20) << "the larger";
}

TEST(Course, ALongGapFoldsAndDoesNotFill) {
  Course course;
  course.add(0, {.in_flight = 1});
  EXPECT_EQ(course.add(std::int64_t{30} * 86400, {.in_flight = 2}), std::nullopt);
  EXPECT_LE(course.so_far().bins(), RunTimeline::kMaxBins);
  EXPECT_EQ(*course.so_far().in_flight.back(), 2);
}

TEST(Course, KnowsWhichSecondsWereWhose) {
  Course course;
  course.load("host", "chat", 3);
  course.load("host", "chat", 9);
  course.load("other", "chat", 10);
  ASSERT_EQ(course.so_far().spans.size(), 2u);
  EXPECT_EQ(course.so_far().spans[0].begin, 3);
  EXPECT_EQ(course.so_far().spans[0].end, 10);
  EXPECT_EQ(course.so_far().spans[1].target, "other");
}

}  // namespace
}  // namespace kneepoint::coordinator
