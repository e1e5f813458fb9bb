#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/bystander/bystander.h"
#include "coordinator/live/metrics.h"
#include "coordinator/recording/journal.h"
#include "coordinator/report/growing_file.h"
#include "coordinator/telemetry/guard_rails.h"
#include "coordinator/telemetry/scraper.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// Reads the targets' metrics during a run, keeps them in telemetry.jsonl as they come, and watches the
/// plan's guard rails. Used by one thread; the scraper has its own, and so has the journal.
class RunTelemetry {
 public:
  /// Starts reading at once. @param file created with the first sample. @param zero the run's.
  /// `journal` must outlive this. @param before what coordinators before this one have read.
  RunTelemetry(const Plan& plan, std::filesystem::path file, MonoTime zero, std::string run_id,
               Journal& journal, TelemetrySeries before);

  /// Takes what has been read since the last call; cheap, to be called often. What bystanders felt goes to
  /// `metrics`. @returns lines for the user.
  std::vector<std::string> take(const Timeline& timeline, Metrics& metrics);
  /// Why the run must stop; empty while no limit has been passed.
  const std::string& stop_reason() const { return stop_reason_; }
  /// What telemetry.jsonl holds, all segments of it, as far as take() has seen: what is not on the disk is
  /// not in the report, which could not be made again.
  const TelemetrySeries& series() const { return series_; }
  void stop();

 private:
  void note(const std::optional<std::string>& reason);
  std::vector<TelemetrySample> take_samples(Metrics& metrics, std::vector<std::string>& lines);

  GuardRails guard_rails_;
  std::unique_ptr<Scraper> scraper_;
  std::unique_ptr<Bystander> bystander_;  // null where the plan has none
  TelemetrySeries series_;
  std::filesystem::path path_;
  Journal& journal_;
  /// What the journal's thread shares.
  struct Disk {
    std::optional<GrowingFile> file;  // the journal's only
    std::mutex mutex;
    std::vector<TelemetrySample> written;
    std::string problem;  // why there is no file
  };
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  bool refused_ = false;  // the file could not be made
  std::int64_t figures_through_ = -1;
  std::string stop_reason_;
};

}  // namespace kneepoint::coordinator
