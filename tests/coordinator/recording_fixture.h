#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "common/texts_id.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/recording_writer.h"
#include "coordinator/recording/results.h"
#include "coordinator/telemetry/telemetry_lines.h"
#include "tests/coordinator/synthetic_run.h"

namespace kneepoint::coordinator {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline std::string content(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A known run of two loads with two agents, and how it is recorded.
class RecordingTest : public ::testing::Test {
 protected:
  RecordingTest() : folder_(fs::temp_directory_path() / ("kneepoint-recording-" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
    plan_ = scenes::simple_plan({{SloMetric::kTtft, 0.95, 500ms}});
    plan_.source_text = "kneepoint: 1\n";
    plan_.scenarios[0].workload.dataset = DatasetUse{.hash = std::string(64, 'a'), .bytes = 1};
    scenes::KnownRun run(plan_.scenarios[0].slo);
    const scenes::BatchingHost host{.a = 0.012, .c = 0.0002, .cap = 22, .length_spread = 0.3};
    for (const std::uint32_t n : {8u, 32u}) {
      const double begin = static_cast<double>(seconds_);
      host.run(run, begin, begin + 10, n, {.epoch = n}, 0.5);
      windows_.push_back({.concurrency = n,
                          .epoch = n,
                          .level_at = std::chrono::seconds(seconds_) + 3ns,
                          .begin = seconds_ + 2,
                          .end = seconds_ + 10,
                          .moving = n == 32});
      seconds_ += 20;
    }
    for (std::int64_t s = 0; s < seconds_; ++s) {
      // In two parts from two agents, whose sums depend on their order.
      for (std::uint32_t agent : {1u, 0u}) {
        SnapshotBatch batch{.sequence = static_cast<std::uint64_t>(s) + 1, .complete_through = s};
        if (agent == s % 2) batch.seconds.push_back(run.second(s));
        if (agent == s % 2) add_failures_and_rows(batch.seconds.back());
        batches_.emplace_back(agent, std::move(batch));
      }
    }
  }
  ~RecordingTest() override { fs::remove_all(folder_); }

  /// Refusals in every second, and a row of each of 40 requests.
  static void add_failures_and_rows(SecondSnapshot& second) {
    for (auto& [key, stats] : second.series) {
      stats.outcomes[static_cast<std::size_t>(Outcome::kRejected)] += 3;
      *stats.failures.of({Outcome::kRejected, 429}) = {
          .count = 2, .said = "at " + std::to_string(second.second), .request_id = "host-1"};
      *stats.failures.of({Outcome::kRejected, 503}) = {.count = 1};
    }
    for (std::uint32_t slot = 0; slot < 40; ++slot) {
      const Nanos sent = std::chrono::seconds(second.second);
      second.requests.push_back(
          {.key = {.epoch = 8}, .slot = slot, .sent = sent, .first = sent + slot * 1ms});
    }
  }

  RunFacts begun() const {
    return {.run_id = "r1",
            .version = "0.1.0",
            .started_at = RealTime(1'700'000'000'123'456'789ns),
            .agents = {{.name = "a", .clock_round_trip = 80us}, {.name = "b"}},
            .workloads = {{0,
                           {.id = "abc",
                            .summary = "1 prompt",
                            .texts = texts_id(plan_.scenarios[0].workload, plan_.seed)}}},
            .datasets = {{0, {.file = "chats.jsonl", .sha256 = "5891b5b522d5df08", .entries = 2}}},
            .load_seconds = {{0, 61.5}},
            .seed = plan_.seed};
  }
  RunFacts ended() const {
    RunFacts facts = begun();
    facts.duration = 41s + 7ns;
    facts.cut_short[0] = "it took too long";
    facts.stopped_by = "guard rail: errors above 5 %";
    return facts;
  }
  RecordingWriter begin() const {
    auto writer = RecordingWriter::create(file(), plan_, cells_of(plan_), begun(), begun().started_at + 3s);
    EXPECT_TRUE(writer) << writer.error().message;
    return *std::move(writer);
  }
  fs::path file(std::size_t segment = 1) const { return segment_path(folder_, kRecordingFile, segment); }

  /// Another coordinator, with one agent of the two, goes on in second 10 with the second window.
  void record_in_two(const std::function<void(RecordingWriter&)>& end = [](auto&) {}) const {
    {
      auto first = begin();
      ASSERT_TRUE(first.decision({.load = 8}));
      record(first, 11);
      ASSERT_TRUE(first.decision({.rows = 1, .load = 32}));
      ASSERT_TRUE(first.agent_lost(1, 40));
    }
    auto second = RecordingWriter::resume(file(2), {.run_id = "r1",
                                                    .wall = begun().started_at + 15s,
                                                    .at = 12,
                                                    .gap = 1,
                                                    .windows = 1,
                                                    .decisions = 1,
                                                    .agents = {{.name = "b", .clock_round_trip = 100us}}});
    ASSERT_TRUE(second) << second.error().message;
    for (const auto& [agent, batch] : batches_) {
      if (agent != 0 || batch.complete_through < 12) continue;
      ASSERT_TRUE(second->batch(0, batch));
    }
    ASSERT_TRUE(second->decision({.rows = 1, .elapsed = 12s, .cycle = 3s, .load = 32}));
    ASSERT_TRUE(second->window(windows_[1]));
    end(*second);
  }

  /// A queue in the engine, second by second, written as a run writes it.
  TelemetrySeries telemetry() const {
    TelemetrySeries series;
    std::ofstream lines(folder_ / kTelemetryFile);
    for (std::int64_t s = 0; s < seconds_; ++s) {
      const TelemetrySample sample{.second = s,
                                   .target = "host",
                                   .source = "http://127.0.0.1:8000/metrics",
                                   .values = {{Signal::kWaiting, 0.1 * static_cast<double>(s)}}};
      lines << telemetry_line(sample) << "\n";
      series.add(sample);
    }
    return series;
  }

  /// Everything up to `until` seconds, with the windows that are complete by then.
  Timeline record(RecordingWriter& writer, std::int64_t until) const {
    Timeline timeline;
    timeline.add_agent(0, 0);
    timeline.add_agent(1, 0);
    std::size_t next = 0;
    for (const auto& [agent, batch] : batches_) {
      if (batch.complete_through >= until) break;
      timeline.add(agent, batch);
      EXPECT_TRUE(writer.batch(agent, batch));
      while (next < windows_.size() && timeline.complete_through() + 1 >= windows_[next].end)
        EXPECT_TRUE(writer.window(windows_[next++]));
    }
    return timeline;
  }

  fs::path folder_;
  Plan plan_;
  std::vector<StepWindow> windows_;
  std::vector<std::pair<std::uint32_t, SnapshotBatch>> batches_;
  std::int64_t seconds_ = 0;
};

}  // namespace kneepoint::coordinator
