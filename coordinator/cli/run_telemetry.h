#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/telemetry/guard_rails.h"
#include "coordinator/telemetry/scraper.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// Reads the targets' metrics during a run, keeps them in telemetry.jsonl as they come, and watches the
/// plan's guard rails. Used by one thread; the scraper has its own.
class RunTelemetry {
 public:
  /// Starts reading at once. @param file created with the first sample. @param zero the run's.
  RunTelemetry(const Plan& plan, std::filesystem::path file, MonoTime zero, std::string run_id);

  /// Takes what has been read since the last call; cheap, to be called often. @returns lines for the user.
  std::vector<std::string> take(const Timeline& timeline);
  /// Why the run must stop; empty while no limit has been passed.
  const std::string& stop_reason() const { return stop_reason_; }
  /// Everything taken so far: what telemetry.jsonl holds.
  const TelemetrySeries& series() const { return series_; }
  void stop() { scraper_->stop(); }

 private:
  void note(const std::optional<std::string>& reason);
  bool write(const TelemetrySample& sample);

  GuardRails guard_rails_;
  std::unique_ptr<Scraper> scraper_;
  TelemetrySeries series_;
  std::filesystem::path path_;
  std::ofstream file_;
  bool refused_ = false;  // the disk has
  std::int64_t figures_through_ = -1;
  std::string stop_reason_;
};

}  // namespace kneepoint::coordinator
