#include "coordinator/measure/generator_figures.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

/// Content events beyond the first of their read. Older recordings have only the reads.
double joined_events(const GeneratorStats& stats) {
  return static_cast<double>(std::max(stats.joined_events, stats.multi_event_reads));
}

/// Events that lateness of ours put together: those of late turns, less what comes together anyway, as turns
/// in time show. Behind a gateway that buffers every read is of many events, and that a few of them were late
/// says nothing.
double late_and_together(const GeneratorStats& stats) {
  const auto joined_late = static_cast<double>(std::max(stats.late_joined_events, stats.client_coalesced));
  const auto late = static_cast<double>(std::max(stats.late_reads, stats.client_coalesced));
  const double in_time = static_cast<double>(stats.reads) - late;
  const double anyway = in_time > 0 ? (joined_events(stats) - joined_late) / in_time : 0;
  return std::max(0.0, joined_late - anyway * late);
}

}  // namespace

GeneratorSummary generator_of(const WindowCut& cut, const ChunkRate& tokens) {
  GeneratorSummary summary;
  if (cut.busiest_thread.empty()) return summary;
  const GeneratorStats& stats = cut.generator;
  summary.cpu_seconds = stats.cpu_user + stats.cpu_system;
  if (const auto seconds = ratio(*summary.cpu_seconds, tokens.arrived(cut.anything))) {
    summary.cpu_us_per_token = *seconds * 1e6;
  }
  if (stats.resident_bytes > 0) summary.resident_bytes = static_cast<double>(stats.resident_bytes);
  summary.rx_lag_p99_seconds = stats.rx_lag.quantile_seconds(0.99);
  summary.loop_gap_p99_seconds = stats.loop_gap.quantile_seconds(0.99);
  summary.send_lag_p99_seconds = stats.send_lag.quantile_seconds(0.99);
  const auto reads = static_cast<double>(stats.reads);
  summary.multi_event_read_ratio = ratio(static_cast<double>(stats.multi_event_reads), reads);
  summary.client_coalesced_ratio = ratio(late_and_together(stats), reads + joined_events(stats));
  summary.unstamped_read_ratio = ratio(static_cast<double>(stats.unstamped_reads), reads);
  std::vector<double> busy = cut.busiest_thread;
  const auto rank = static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(busy.size()))) - 1;
  std::nth_element(busy.begin(), busy.begin() + static_cast<std::ptrdiff_t>(rank), busy.end());
  summary.busiest_thread_ratio = busy[rank];
  return summary;
}

}  // namespace kneepoint::coordinator
