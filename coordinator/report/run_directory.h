#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Where a run's results go. Not thread-safe.
class RunDirectory {
 public:
  /// Creates `out`, or `base`/<UTC>-<plan> (with "-2", "-3" … where that is taken), and proves that it can be
  /// written to, so that a run never ends with nowhere to put its results.
  /// Errors: one line that names the directory and the cause. @param now stamps the default name.
  static Result<RunDirectory> create(const std::optional<std::filesystem::path>& out,
                                     std::string_view plan_name, RealTime now,
                                     const std::filesystem::path& base = "runs");

  /// Whether a run lies there, finished or not: an error that says so, and how to replace it.
  static Result<void> refuse_taken(const std::filesystem::path& path);
  /// Keeps every other coordinator out for as long as this, or a copy of it, is there: two of them would load
  /// the host twice, and each would write over what the other has recorded. A kill leaves no lock behind.
  Result<void> lock();
  /// Takes away what a run leaves in its directory, so that nothing of it is left between the files of the
  /// next.
  Result<void> clear() const;

  /// Of a run that has loaded nothing: takes the directory away again, where it is new and holds nothing but
  /// a plan.
  void discard() const;
  /// Its report is there: `base`/latest leads to it. Only for a directory that `out` did not name.
  Result<void> point_latest() const;

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file as a whole or not at all: beside it, flushed to disk, then renamed over it.
  Result<void> write(std::string_view name, std::string_view content) const;
  /// report.json, report.txt, report.md and steps.csv, each by itself. @returns what could not be written.
  std::vector<std::string> write_report(const Report& report) const;

 private:
  RunDirectory(std::filesystem::path path, bool named, bool fresh)
      : path_(std::move(path)), named_(named), fresh_(fresh) {}
  std::filesystem::path path_;
  bool named_;  // by the user
  bool fresh_;  // made here
  class Lock;
  std::shared_ptr<const Lock> lock_;
};

}  // namespace kneepoint::coordinator
