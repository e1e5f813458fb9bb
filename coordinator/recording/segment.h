#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/result.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::v1 {
class RecordingEntry;
}

/// What is recorded of a run lies in segments, one for every coordinator that it had: none ever writes behind
/// what another has left, which may be cut off anywhere.
namespace kneepoint::coordinator {

/// How a coordinator that goes on with a run begins its segment.
struct SegmentStart {
  std::string run_id;
  RealTime wall{};
  std::int64_t at = 0;   ///< Seconds since the run's zero: from then on.
  std::int64_t gap = 0;  ///< Seconds before that in which nothing was measured.
  /// How many of those that came before still stand; the others belong to a step that is run again.
  std::size_t windows = 0, decisions = 0;
  std::vector<RunFacts::Agent> agents;  ///< Its own, by number.

  Resumption told() const;
};

/// Where coordinator number `segment` of a run, from 1 on, keeps `file`: timeline.binpb.gz,
/// timeline-2.binpb.gz …
std::filesystem::path segment_path(const std::filesystem::path& directory, std::string_view file,
                                   std::size_t segment);

/// Adds the agents that another coordinator began with: one that was there before counts once, as what it was
/// last. @returns the place of each.
std::vector<std::size_t> join_agents(std::vector<RunFacts::Agent>& all,
                                     const std::vector<RunFacts::Agent>& more);

/// Whether what is there of a file, which may have been cut off anywhere, is what a segment begins with.
bool begins_as_recording(const std::filesystem::path& file);

/// The first entry of a segment's file; an empty one where there is none.
v1::RecordingEntry first_entry(const std::filesystem::path& file);

/// Of an entry's bytes, without the checksum itself.
std::uint32_t checksum(std::string_view bytes);

/// Hands the entries of a segment's file to `take` until it refuses one, which is an error that names the
/// entry, as is one whose checksum does not fit, and as far as they go: behind the last whole one there may
/// be a part of another.
Result<void> read_entries(const std::filesystem::path& file,
                          const std::function<Result<void>(const v1::RecordingEntry&)>& take);

}  // namespace kneepoint::coordinator
