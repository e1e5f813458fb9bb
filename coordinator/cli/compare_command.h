#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kneepoint::coordinator {

/// `kneepoint compare`
struct CompareOptions {
  std::vector<std::string> runs;             ///< Run directories or reports, each perhaps with @TARGET.
  std::optional<std::filesystem::path> out;  ///< Where compare.{json,txt,md,html} go; absent: nowhere.
  std::vector<std::string> fail_on;
  bool ignore_significance = false;
  bool quiet = false;  ///< One line is printed.
  bool json = false;   ///< compare.json is printed.
};

/// Prints the comparison. @returns kDone; kThreshold where a threshold was missed; kNoVerdict where nothing
/// could be compared, or a threshold had nothing to be held against; kBadInput.
int compare_command(const CompareOptions& options);

}  // namespace kneepoint::coordinator
