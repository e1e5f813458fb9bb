#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/plan.h"
#include "coordinator/telemetry/telemetry_series.h"
#include "coordinator/timeline/timeline.h"

namespace kneepoint::coordinator {

/// One figure over the bins of a run; absent where nothing was measured, so that a chart shows a gap.
using TimelineValues = std::vector<std::optional<double>>;

/// Something that was sampled beside the load: a server's queue, a GPU's power.
struct TimelineSeries {
  std::string name;    ///< For a reader: "waiting".
  std::string unit;    ///< "requests", "W", "ratio" (0 to 1), "s", "bytes"; "" for a bare number.
  std::string target;  ///< Whose it is; empty: shown with every target.
  TimelineValues values;
};

/// How one latency was spread in each column of a span's time: shares by size.
struct LatencyHeat {
  static constexpr double kFloorSeconds = 1e-4;  ///< Where row 0 begins; what is below counts in it.
  static constexpr int kRowsPerOctave = 4;
  struct Column {
    std::size_t first = 0;              ///< The row of the first share.
    std::vector<std::uint32_t> shares;  ///< In thousandths, rounded up: what happened once is seen.
  };
  std::vector<Column> columns;  ///< Without shares where nothing was measured.
  bool any() const;             ///< Whether anything was measured.
};

/// One request of a span.
struct TimelineRequest {
  double sent = 0, ttft = 0;  ///< Seconds: since the run's zero; to its first token.
  bool drawn = false;         ///< By lot; else, of the others, one of the slowest of its second.
  std::string id;             ///< Its X-Request-Id behind the run's id.
};

/// The part of a run in which one cell was loaded.
struct TimelineSpan {
  static constexpr std::size_t kMaxColumns = 120;
  /// So many requests are shown, drawn ones and slow ones; fewer of each where there are many cells.
  static constexpr std::size_t kMaxDrawn = 1500, kMaxSlow = 300;

  std::string target, scenario;
  double begin = 0, end = 0;   ///< Seconds since the run's zero.
  std::optional<double> gpus;  ///< Of the target, where the plan says how many.
  double column_seconds = 1;   ///< A whole number.
  LatencyHeat ttft, icl;
  std::vector<TimelineRequest> requests;  ///< By the time of their sending; only with `records`.
};

/// The course of a run, for a chart: one value a bin. Every vector is as long as there are bins.
struct RunTimeline {
  static constexpr std::size_t kMaxBins = 1500;

  double begin = 0;          ///< Where the first bin starts, in seconds since the run's zero.
  double bin_seconds = 1;    ///< A whole number; 1 unless the run is longer than kMaxBins seconds.
  TimelineValues asked;      ///< Concurrency commanded: the largest of the bin.
  TimelineValues in_flight;  ///< Mean number of requests in flight.
  TimelineValues output_tokens_per_second, requests_per_second;  ///< Received; completed with success.
  TimelineValues failures_per_second;
  /// Over the requests whose first token came in the bin, in seconds. p95 only with 20 of them or more.
  TimelineValues ttft_p50, ttft_p95;
  std::vector<TimelineSeries> telemetry;
  std::vector<TimelineSpan> spans;  ///< In the order of the cells; cells never loaded are left out.

  std::size_t bins() const { return in_flight.size(); }
};

/// Tokens are counted as in docs/method.md, "A window": running usage where the server reports it, else
/// content chunks × (Σ usage / Σ chunks) of the cell's completed requests, else content chunks.
/// @param windows the levels that were commanded, for `asked`; without them it is absent everywhere.
/// @param telemetry of the plan's targets: queue, KV cache, GPU, where they told.
RunTimeline build_run_timeline(const Timeline& timeline, const Plan& plan, const std::vector<Cell>& cells,
                               std::span<const StepWindow> windows = {},
                               const TelemetrySeries& telemetry = {});

/// A telemetry sample.
struct TimelineSample {
  double at = 0;  ///< Seconds since the run's zero.
  double value = 0;
};

/// Adds a sampled series: each bin takes the mean of its samples. Samples outside the run are dropped.
void add_telemetry(RunTimeline& run, std::string name, std::string unit,
                   std::span<const TimelineSample> samples, std::string target = {});

}  // namespace kneepoint::coordinator
