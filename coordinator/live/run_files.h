#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

/// Files of run directories, for whoever may read those and nothing else.
namespace kneepoint::coordinator {

struct RunEntry {
  std::string name;
  std::int64_t written = 0;  ///< When its report.json was, in nanoseconds since 1970.
  std::int64_t size = 0;     ///< Of that, in bytes.
};

/// The folders in `folder` that hold a report.json, the newest first; links are left out.
std::vector<RunEntry> run_entries(const std::filesystem::path& folder);

/// `file` of the run `name` in `folder`: a plain file of at most 64 MiB, reached without a symbolic link
/// below `folder`. An error names neither path nor cause to a stranger.
Result<std::string> read_run_file(const std::filesystem::path& folder, std::string_view name,
                                  std::string_view file);

}  // namespace kneepoint::coordinator
