#pragma once

#include <filesystem>
#include <optional>

#include "coordinator/report/ending.h"

namespace kneepoint::coordinator {

/// `kneepoint replay`
struct ReplayOptions {
  std::filesystem::path directory;
  std::optional<std::filesystem::path> out;
  Detail detail = Detail::kAnswer;  ///< Of what is printed.
};

/// Analyses the recording of a run directory and writes the reports. @returns what the run would exit with,
/// or kBadInput where there is no recording that can be read.
int replay_command(const ReplayOptions& options);

}  // namespace kneepoint::coordinator
