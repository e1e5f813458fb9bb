#include "coordinator/report/run_timeline.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/request_id.h"
#include "coordinator/measure/token_count.h"

namespace kneepoint::coordinator {
namespace {

/// Below this many first tokens the nearest-rank p95 is the maximum.
constexpr std::uint64_t kSmallestP95 = 20;

struct Bin {
  double in_flight = 0, tokens = 0, completed = 0, failed = 0;
  Histogram ttft;
  std::int64_t seconds = 0;  // that were measured
};

struct Extent {
  std::int64_t begin = 0, end = 0;
};

/// One of the seconds that `second` stands for.
void add_second(Bin& bin, const TimelineSecond& second, const std::map<std::uint32_t, ChunkRate>& rates) {
  ++bin.seconds;
  const double share = 1.0 / static_cast<double>(second.span);
  for (const auto& [key, stats] : second.series) {
    bin.in_flight += share * stats.in_flight;
    bin.tokens += share * rates.at(key.cell).arrived(stats);
    bin.completed += share * static_cast<double>(stats.completed());
    bin.failed += share * static_cast<double>(stats.failed());
  }
}

void add_ttft(Bin& bin, const TimelineSecond& second) {
  for (const auto& [key, stats] : second.series) bin.ttft.merge(stats.ttft);
}

/// The commanded concurrency of every bin. A level holds from its instant to the next one's, the last of a
/// cell to the end of its window.
TimelineValues asked_concurrency(const RunTimeline& run, std::size_t bins,
                                 std::span<const StepWindow> windows) {
  TimelineValues asked(bins);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const StepWindow& window = windows[i];
    if (window.rate) continue;  // of an open loop nobody asks how many are in flight
    const double begin = to_seconds(window.level_at);
    const bool followed = i + 1 < windows.size() && windows[i + 1].cell == window.cell;
    const double end = followed ? to_seconds(windows[i + 1].level_at) : static_cast<double>(window.end);
    const auto from =
        static_cast<std::size_t>(std::max(0.0, std::floor((begin - run.begin) / run.bin_seconds)));
    const auto to = std::min(
        bins, static_cast<std::size_t>(std::max(0.0, std::ceil((end - run.begin) / run.bin_seconds))));
    for (std::size_t at = from; at < to; ++at) {
      std::optional<double>& value = asked[at];
      value = std::max(value.value_or(0), static_cast<double>(window.concurrency));
    }
  }
  return asked;
}

/// What a reader looks for beside the load, of what the target told.
void add_target_telemetry(RunTimeline& run, const TelemetrySeries& telemetry, const std::string& target) {
  struct Shown {
    Signal signal;
    const char* name;
    const char* unit;
  };
  static constexpr Shown kShown[] = {{Signal::kRunning, "running", "requests"},
                                     {Signal::kWaiting, "waiting", "requests"},
                                     {Signal::kKvUsage, "KV cache", "ratio"},
                                     {Signal::kGpuTensorActive, "tensor pipe", "ratio"},
                                     {Signal::kGpuDramActive, "memory bus", "ratio"},
                                     {Signal::kGpuUtil, "GPU busy", "ratio"},
                                     {Signal::kPreemptions, "preemptions a second", ""},
                                     {Signal::kGpuMemoryUsed, "GPU memory", "bytes"},
                                     {Signal::kGpuPower, "GPU power", "W"}};
  for (const Shown& shown : kShown) {
    std::vector<TimelineSample> samples;
    for (const auto& [second, value] : telemetry.timeline(target, shown.signal)) {
      samples.push_back({static_cast<double>(second), value});
    }
    // A flat line at 0 tells nothing that its absence does not.
    if (std::any_of(samples.begin(), samples.end(), [](const TimelineSample& s) { return s.value != 0; }))
      add_telemetry(run, shown.name, shown.unit, samples, target);
  }
}

std::size_t heat_row(double seconds) {
  const double octaves =
      std::log2(std::max(seconds, LatencyHeat::kFloorSeconds) / LatencyHeat::kFloorSeconds);
  return static_cast<std::size_t>(octaves * LatencyHeat::kRowsPerOctave);
}

LatencyHeat::Column heat_column(const Histogram& histogram) {
  std::map<std::size_t, std::uint64_t> rows;
  for (const auto& [index, count] : histogram.buckets())
    rows[heat_row(HistogramLayout::middle_seconds(index))] += count;
  LatencyHeat::Column column;
  if (rows.empty()) return column;
  column.first = rows.begin()->first;
  column.shares.resize(rows.rbegin()->first - column.first + 1);
  for (const auto& [row, count] : rows) {
    column.shares[row - column.first] =
        static_cast<std::uint32_t>((count * 1000 + histogram.count() - 1) / histogram.count());
  }
  return column;
}

/// Fewer columns where there are many cells, so that the report of a large matrix stays small.
void add_heat(TimelineSpan& span, const Timeline& timeline, std::uint32_t cell, std::size_t cells) {
  const std::size_t most =
      std::clamp<std::size_t>(4 * TimelineSpan::kMaxColumns / cells, 30, TimelineSpan::kMaxColumns);
  const double seconds = span.end - span.begin;
  span.column_seconds = std::ceil(seconds / static_cast<double>(most));
  std::vector<Histogram> ttft(static_cast<std::size_t>(std::ceil(seconds / span.column_seconds))),
      icl(ttft.size());
  const auto begin = static_cast<std::int64_t>(span.begin);
  const auto& all = timeline.seconds();
  for (auto at = all.lower_bound(begin); at != all.end(); ++at) {
    const auto column =
        static_cast<std::size_t>(static_cast<double>(at->first - begin) / span.column_seconds);
    if (column >= ttft.size()) break;
    for (const auto& [key, stats] : at->second.series) {
      if (key.cell != cell) continue;
      ttft[column].merge(stats.ttft);
      icl[column].merge(stats.icl);
    }
  }
  for (const Histogram& histogram : ttft) span.ttft.columns.push_back(heat_column(histogram));
  for (const Histogram& histogram : icl) span.icl.columns.push_back(heat_column(histogram));
}

/// Of the cell's requests that the timeline has kept, drawn ones by the same lots, and the slowest.
void add_single_requests(TimelineSpan& span, const Timeline& timeline, std::uint32_t cell,
                         std::size_t cells) {
  const std::size_t most_drawn = std::max<std::size_t>(TimelineSpan::kMaxDrawn / cells, 200);
  const std::size_t most_slow = std::max<std::size_t>(TimelineSpan::kMaxSlow / cells, 40);
  const auto by_lot = [](const RequestRow& a, const RequestRow& b) { return lot_of(a) < lot_of(b); };
  std::vector<RequestRow> drawn, slow;
  for (const auto& [at, second] : timeline.seconds()) {
    std::vector<RequestRow> rows;
    for (const RequestRow& row : second.rows) {
      if (row.key.cell == cell && row.first) rows.push_back(row);
    }
    const std::size_t lots = std::min(rows.size(), kDrawnRows);
    std::stable_sort(rows.begin(), rows.end(), by_lot);
    drawn.insert(drawn.end(), rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(lots));
    slow.insert(slow.end(), rows.begin() + static_cast<std::ptrdiff_t>(lots), rows.end());
  }
  std::stable_sort(drawn.begin(), drawn.end(), by_lot);
  drawn.resize(std::min(drawn.size(), most_drawn));
  std::stable_sort(slow.begin(), slow.end(), waited_longer);
  slow.resize(std::min(slow.size(), most_slow));
  for (const auto* rows : {&drawn, &slow}) {
    for (const RequestRow& row : *rows) {
      span.requests.push_back({.sent = to_seconds(row.sent),
                               .ttft = to_seconds(*row.first - row.sent),
                               .drawn = rows == &drawn,
                               .id = request_id("", row.key.cell, row.key.epoch, row.slot, row.k)});
    }
  }
  std::stable_sort(span.requests.begin(), span.requests.end(),
                   [](const TimelineRequest& a, const TimelineRequest& b) { return a.sent < b.sent; });
}

}  // namespace

bool LatencyHeat::any() const {
  return std::any_of(columns.begin(), columns.end(), [](const Column& c) { return !c.shares.empty(); });
}

RunTimeline build_run_timeline(const Timeline& timeline, const Plan& plan, const std::vector<Cell>& cells,
                               std::span<const StepWindow> windows, const TelemetrySeries& telemetry) {
  RunTimeline run;
  const auto& seconds = timeline.seconds();
  if (seconds.empty()) return run;

  std::map<std::uint32_t, Extent> extents;
  for (const auto& [at, second] : seconds) {
    for (const auto& [key, stats] : second.series) {
      extents.try_emplace(key.cell, Extent{.begin = at}).first->second.end = at + second.span;
    }
  }

  std::map<std::uint32_t, ChunkRate> rates;
  for (const auto& [cell, extent] : extents) {
    const SeriesStats whole = counts_of_cell(timeline, cell);
    rates[cell] = chunk_rate(whole, whole);
  }

  const std::int64_t first = seconds.begin()->first;
  const std::int64_t count = seconds.rbegin()->first + seconds.rbegin()->second.span - first;
  const auto max_bins = static_cast<std::int64_t>(RunTimeline::kMaxBins);
  const std::int64_t width = (count + max_bins - 1) / max_bins;
  run.begin = static_cast<double>(first);
  run.bin_seconds = static_cast<double>(width);

  std::vector<Bin> bins(static_cast<std::size_t>((count + width - 1) / width));
  for (const auto& [at, second] : seconds) {
    for (std::int64_t i = at; i < at + second.span; ++i) {
      Bin& bin = bins[static_cast<std::size_t>((i - first) / width)];
      add_second(bin, second, rates);
      // A histogram cannot be shared out: every bin that it touches gets all of it, which leaves quantiles
      // right.
      if (i == at || (i - first) % width == 0) add_ttft(bin, second);
    }
  }
  for (const Bin& bin : bins) {
    const auto a_second = [&](double total) {
      return bin.seconds == 0 ? std::nullopt : std::optional(total / static_cast<double>(bin.seconds));
    };
    run.in_flight.push_back(a_second(bin.in_flight));
    run.output_tokens_per_second.push_back(a_second(bin.tokens));
    run.requests_per_second.push_back(a_second(bin.completed));
    run.failures_per_second.push_back(a_second(bin.failed));
    run.ttft_p50.push_back(bin.ttft.quantile_seconds(0.5));
    run.ttft_p95.push_back(bin.ttft.count() < kSmallestP95 ? std::nullopt : bin.ttft.quantile_seconds(0.95));
  }
  run.asked = asked_concurrency(run, bins.size(), windows);

  for (const Cell& cell : cells) {
    const auto extent = extents.find(cell.id);
    if (extent == extents.end()) continue;
    const Target& target = plan.targets[cell.target];
    TimelineSpan span{.target = target.name,
                      .scenario = plan.scenarios[cell.scenario].name,
                      .begin = static_cast<double>(extent->second.begin),
                      .end = static_cast<double>(extent->second.end)};
    if (target.gpus) span.gpus = static_cast<double>(*target.gpus) * static_cast<double>(target.urls.size());
    add_heat(span, timeline, cell.id, extents.size());
    add_single_requests(span, timeline, cell.id, extents.size());
    run.spans.push_back(std::move(span));
  }
  for (const Target& target : plan.targets) add_target_telemetry(run, telemetry, target.name);
  return run;
}

void add_telemetry(RunTimeline& run, std::string name, std::string unit,
                   std::span<const TimelineSample> samples, std::string target) {
  std::vector<double> sums(run.bins());
  std::vector<std::size_t> counts(run.bins());
  for (const TimelineSample& sample : samples) {
    const double bin = std::floor((sample.at - run.begin) / run.bin_seconds);
    if (!(bin >= 0 && bin < static_cast<double>(run.bins()))) continue;
    sums[static_cast<std::size_t>(bin)] += sample.value;
    ++counts[static_cast<std::size_t>(bin)];
  }
  TimelineSeries series{.name = std::move(name),
                        .unit = std::move(unit),
                        .target = std::move(target),
                        .values = TimelineValues(run.bins())};
  for (std::size_t i = 0; i < run.bins(); ++i) {
    if (counts[i] > 0) series.values[i] = sums[i] / static_cast<double>(counts[i]);
  }
  run.telemetry.push_back(std::move(series));
}

}  // namespace kneepoint::coordinator
