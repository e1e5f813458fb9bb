#include "coordinator/recording/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/version.h"
#include "common/wire.h"
#include "coordinator/report/growing_file.h"

namespace kneepoint::coordinator {
namespace {

/// Whether the requests are made of what they were made of.
bool same_requests(const Recording& recording, const Plan& plan) {
  const std::vector<Cell> cells = cells_of(plan);
  if (cells.size() != recording.cells.size()) return false;
  return std::all_of(cells.begin(), cells.end(), [&](const Cell& cell) {
    const auto workload = recording.facts.workloads.find(cell.id);
    if (workload == recording.facts.workloads.end() || workload->second.id != workload_id(cell.workload))
      return false;
    const auto dataset = recording.facts.datasets.find(cell.id);
    const bool had_one = dataset != recording.facts.datasets.end();
    if (!cell.workload.dataset) return !had_one;
    return had_one && dataset->second.sha256 == plan.dataset_files.at(cell.workload.dataset->hash).sha256;
  });
}

}  // namespace

Result<std::optional<Recording>> find_run(const std::filesystem::path& directory, const Plan& plan) {
  if (!has_recording(directory)) {
    if (auto nothing = check_nothing_lost(directory); !nothing) return nothing.error();
    return std::optional<Recording>();
  }
  auto recording = read_recording(directory, Rows::kMeasured);
  if (!recording) return recording.error();
  if (recording->plan.source_text != plan.source_text) {
    return Error{
        fmt::format("{}: holds a run of another plan; go on with {}, or give --out another directory",
                    directory.string(), (directory / "plan.yaml").string())};
  }
  if (!same_requests(*recording, plan)) {
    return Error{
        fmt::format("{}: the prompts or datasets of its run have changed since; put them back, or "
                    "give --out another directory",
                    directory.string())};
  }
  if (is_growing(segment_path(directory, kRecordingFile, recording->segments)))
    return Error{fmt::format("{}: its coordinator is still there; end that one first", directory.string())};
  if (!is_over(*recording) && recording->facts.version != version()) {
    return Error{
        fmt::format("{}: its run was begun by version {}; go on with that one, or give --out another "
                    "directory",
                    directory.string(), recording->facts.version)};
  }
  return std::optional(*std::move(recording));
}

bool is_over(const Recording& recording) {
  return !recording.facts.interrupted;
}

void adopt_calibration(const Recording& recording, std::vector<Cell>& cells) {
  for (Cell& cell : cells) {
    cell.calibration = recording.cells.at(cell.id).calibration;
    cell.usage = recording.cells.at(cell.id).usage;
  }
}

Continuation continue_run(Recording& recording, RealTime now) {
  Continuation out{.past = {.timeline = std::move(recording.timeline),
                            .windows = std::move(recording.windows),
                            .rows = std::move(recording.rows),
                            .decisions = std::move(recording.decisions)}};
  trim(out.past);
  const auto& seconds = out.past.timeline.seconds();
  const std::int64_t measured = out.past.timeline.complete_through() + 1;
  std::int64_t last = measured;
  if (!seconds.empty()) last = std::max(last, seconds.rbegin()->first + seconds.rbegin()->second.span);
  // An agent's first second may have begun before it was told to.
  const std::int64_t at =
      std::max(last + 1, std::chrono::ceil<std::chrono::seconds>(now - recording.zero_at).count());
  out.past.timeline.resume(at);
  out.start = {.run_id = recording.facts.run_id,
               .wall = now,
               .at = at,
               .gap = at - measured,
               .windows = out.past.windows.size(),
               .decisions = out.past.decisions.size(),
               .agents = {}};
  return out;
}

}  // namespace kneepoint::coordinator
