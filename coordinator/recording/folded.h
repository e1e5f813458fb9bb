#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "coordinator/results/model.h"
#include "coordinator/timeline/timeline.h"
#include "coordinator/verdict/build_report.h"

namespace kneepoint::v1 {
class RecordedFold;
class RecordedSecond;
}  // namespace kneepoint::v1

/// While a run goes on its recording keeps every agent's seconds, to be merged again in their order and to be
/// decided from again. Of a run that is over nothing is decided any more: its report needs what they came to.
namespace kneepoint::coordinator {

/// Replaces the recording of a run that is over, all its segments, by one of its merged seconds, of which a
/// replay makes the same report: bytes for each second, hardly any for each agent. A kill at any time leaves
/// the one or the other, as does an error, which names the file.
/// @param timeline as it is in the end, and so the other two.
Result<void> fold_recording(const std::filesystem::path& directory, const Timeline& timeline,
                            const std::vector<StepWindow>& windows, const RunFacts& facts);

/// The entries of such a recording. `from_message` as in entries.h.
struct FoldedAgents {
  std::vector<RunFacts::Agent> agents;
  std::vector<Resumption> resumed;
  Coverage coverage;
};
void to_message(const RunFacts& facts, const Coverage& coverage, v1::RecordedFold& out);
Result<FoldedAgents> from_message(const v1::RecordedFold& message);

struct FoldedSecond {
  std::int64_t number = 0;
  TimelineSecond merged;
  std::map<std::uint32_t, std::string> replica_names;  ///< Of the whole run with its first one.
};
void to_message(const FoldedSecond& second, v1::RecordedSecond& out);
/// @param cells how many the run has.
Result<FoldedSecond> from_message(const v1::RecordedSecond& message, std::size_t cells);

}  // namespace kneepoint::coordinator
