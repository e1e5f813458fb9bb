#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/run_timeline.h"

namespace kneepoint::coordinator {

/// What one second of a run came to, over all cells.
struct CourseSecond {
  std::optional<double> asked, in_flight, output_tokens_per_second, requests_per_second, failures_per_second;
  std::optional<double> ttft_p50, ttft_p95;  ///< Seconds.
  struct Reading {
    std::string name, unit, target;  ///< As TimelineSeries has them.
    double value = 0;
  };
  std::vector<Reading> telemetry;
};

/// The run's timeline as it grows, for whoever watches: bounded, since past RunTimeline::kMaxBins bins two
/// become one. Then rates are means, and loads and percentiles the larger of both. Not thread-safe.
class Course {
 public:
  /// @param second since the run's zero; later than all before.
  /// @returns the place of its bin; absent where the bins have been folded, and all of them are new.
  std::optional<std::size_t> add(std::int64_t second, const CourseSecond& figures);
  /// A cell is under load in that second.
  void load(const std::string& target, const std::string& scenario, std::int64_t second);

  const RunTimeline& so_far() const { return run_; }

 private:
  /// Makes one bin of two.
  void fold();

  RunTimeline run_;
  double seconds_in_last_ = 0;
};

/// One bin as JSON: {"at": …, "begin": …, "bin_seconds": …, "values": [asked, in flight, tokens, requests,
/// failures, p50, p95], "telemetry": [{"name", "unit", "target", "value"}]}.
std::string bin_json(const RunTimeline& run, std::size_t at);

}  // namespace kneepoint::coordinator
