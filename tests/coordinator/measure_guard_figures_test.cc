#include "coordinator/measure/guard_figures.h"

#include <gtest/gtest.h>

#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {
namespace {

using scenes::KnownRun;

std::map<std::string, double> figures(const Timeline& timeline) {
  std::map<std::string, double> found;
  for (const GuardReading& reading : guard_figures(timeline)) {
    EXPECT_EQ(reading.source, "kneepoint");
    found[reading.metric] = reading.value;
  }
  return found;
}

/// `good` and `bad` requests that end in each of the seconds [begin, end); first tokens take `ttft`.
void add(KnownRun& run, int begin, int end, int good, int bad, double ttft) {
  for (int second = begin; second < end; ++second) {
    for (int i = 0; i < good + bad; ++i) {
      const double start = second + 0.01 * i;
      const bool fails = i < bad;
      run.add(
          {.start = start,
           .chunks = fails ? std::vector<double>{} : std::vector<double>{start + ttft, start + ttft + 0.01},
           .end = start + ttft + 0.02,
           .outcome = fails ? Outcome::kHttp5xx : Outcome::kSuccess});
    }
  }
}

TEST(GuardFigures, AreOfTheLastTenSeconds) {
  KnownRun run;
  add(run, 0, 5, 4, 4, 0.4);
  add(run, 5, 15, 9, 1, 0.1);
  const auto found = figures(run.timeline(15));
  EXPECT_NEAR(found.at("error_ratio"), 0.1, 1e-9);
  EXPECT_NEAR(found.at("ttft_p50"), 0.1, 0.001);
  EXPECT_NEAR(found.at("ttft_p95"), 0.1, 0.001);
}

TEST(GuardFigures, AreAbsentWhereThereIsTooLittle) {
  KnownRun run;
  add(run, 0, 1, 4, 0, 0.1);
  EXPECT_TRUE(figures(run.timeline(1)).empty());
  add(run, 1, 2, 6, 0, 0.1);
  const auto found = figures(run.timeline(2));
  EXPECT_EQ(found.count("error_ratio"), 1u);
  EXPECT_EQ(found.count("ttft_p50"), 1u);
  EXPECT_EQ(found.count("ttft_p95"), 0u);
  EXPECT_TRUE(figures(Timeline()).empty());
}

}  // namespace
}  // namespace kneepoint::coordinator
