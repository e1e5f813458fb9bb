#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace kneepoint::faults {

/// A folder for this process's run directories; in memory where there is such a place, as the simulated disk
/// is slow enough.
inline std::filesystem::path scratch() {
  const std::filesystem::path memory = "/dev/shm";
  const bool usable = access(memory.c_str(), W_OK) == 0;
  return (usable ? memory : std::filesystem::temp_directory_path()) /
         ("kneepoint-faults-" + std::to_string(getpid()));
}

}  // namespace kneepoint::faults
