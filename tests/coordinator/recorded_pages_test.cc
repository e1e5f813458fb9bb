// The whole /metrics pages of a real vLLM, read as a run reads them and held against what its requests saw.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <string>
#include <string_view>

#include "coordinator/measure/reconcile.h"
#include "coordinator/recording/recording.h"
#include "coordinator/telemetry/engine_metrics.h"
#include "coordinator/telemetry/prometheus_text.h"
#include "coordinator/verdict/build_report.h"
#include "coordinator/words/pages.h"

namespace kneepoint::coordinator {
namespace {

const std::filesystem::path kFolder = std::string(KNEEPOINT_SOURCE_DIR) + "/tests/recordings/in-step";
/// The run's zero on the clock that the pages carry: where their counters meet those that the run read.
constexpr double kZero = 1795911456.41;
constexpr std::string_view kTarget = "qwen2-1.5b";

std::string unpacked(const std::filesystem::path& file) {
  std::string text;
  const gzFile input = gzopen(file.c_str(), "rb");
  if (input == nullptr) return text;
  std::array<char, 1 << 16> piece;
  for (int n; (n = gzread(input, piece.data(), piece.size())) > 0;) text.append(piece.data(), n);
  gzclose(input);
  return text;
}

/// "# t SECONDS" stands before each page.
TelemetrySeries read_pages(double zero) {
  TelemetrySeries series;
  const std::string text = unpacked(kFolder / "pages.txt.gz");
  constexpr std::string_view kMark = "# t ";
  for (std::size_t at = text.find(kMark); at != text.npos;) {
    const std::size_t next = text.find(kMark, at + 1);
    const double instant = std::stod(text.substr(at + kMark.size(), 32)) - zero;
    const Exposition page = parse_exposition(text.substr(at, next - at), is_engine_metric);
    EXPECT_EQ(page.malformed, 0u);
    const EngineReading reading = read_engine_metrics(page.samples, "m");
    EXPECT_EQ(reading.engine, Engine::kVllm);
    if (instant >= 0) {
      series.add({.second = static_cast<std::int64_t>(instant),
                  .target = std::string(kTarget),
                  .source = "pages",
                  .values = reading.values,
                  .at = instant});
    }
    at = next;
  }
  return series;
}

Report report_of(const Recording& recording, const TelemetrySeries& telemetry) {
  return build_report(recording.plan, recording.timeline, recording.windows, recording.facts, telemetry);
}

TEST(RecordedPages, TellOfTheLoadThatTheirRequestsWere) {
  const auto recording = read_recording(kFolder);
  ASSERT_TRUE(recording) << recording.error().message;
  const TelemetrySeries pages = read_pages(kZero);
  const Report report = report_of(*recording, pages);
  ASSERT_EQ(report.results.size(), 2u);
  for (const ScenarioResult& result : report.results) {
    EXPECT_THAT(result.saturation.bottleneck, ::testing::AnyOf("", "front_end", "scheduler"));
    for (const Step& step : result.steps) {
      ASSERT_TRUE(step.telemetry) << step.concurrency;
      const StepTelemetry& told = *step.telemetry;
      EXPECT_EQ(told.page.state, "covered") << step.concurrency << ": " << words::page(told.page);
      // Time integrals hold the requests that are in flight, whatever the streams' beat makes of gauges.
      ASSERT_TRUE(told.running_by_time && told.waiting_by_time) << step.concurrency;
      EXPECT_NEAR(*told.running_by_time + *told.waiting_by_time, step.concurrency, 0.25 * step.concurrency);
      ASSERT_TRUE(told.ttft_mean_seconds && step.ttft_seconds.mean) << step.concurrency;
      EXPECT_LT(*told.ttft_mean_seconds, *step.ttft_seconds.mean * 1.1) << "the server's is a part of ours";
      ASSERT_TRUE(told.front_end_cpu_cores) << step.concurrency;
      EXPECT_LT(*told.front_end_cpu_cores, 1.1) << "one thread";
      ASSERT_TRUE(step.token_count) << step.concurrency;
      // The agent of that day kept no text, and where the host moved within the window the page's readings
      // say little of its edges.
      EXPECT_THAT(step.token_count->state, ::testing::AnyOf("confirmed", "unconfirmed")) << step.concurrency;
    }
  }
}

TEST(RecordedPages, OfAWhileAgoAreNoEvidence) {
  const auto recording = read_recording(kFolder);
  ASSERT_TRUE(recording) << recording.error().message;
  const Report report = report_of(*recording, read_pages(kZero - 20));
  for (const ScenarioResult& result : report.results) {
    EXPECT_EQ(result.saturation.bottleneck, "");
    for (const Step& step : result.steps) {
      if (!step.telemetry) continue;
      EXPECT_EQ(step.telemetry->page.state, "stale") << step.concurrency;
    }
  }
}

}  // namespace
}  // namespace kneepoint::coordinator
