#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "common/result.h"
#include "common/serve/http_message.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The finished runs of a results folder, for a browser: the folders right in it that hold a report.json.
/// Nothing is read through a symbolic link, nothing beside those folders, and nothing but a run's report. A
/// report is a file that anybody may have written: a browser gets it in a sandbox. Used by the server's
/// thread.
class PastRuns {
 public:
  static constexpr std::size_t kMostListed = 100;

  explicit PastRuns(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// {"live": …, "left_out": N, "runs": [{"name", "started", "plan", "verdict"}]}, the newest first.
  /// @param live whether a run is followed beside them.
  HttpResponse list(bool live);
  /// Of `?run=NAME` its report.html, and of `?id=RUN_ID`, which is how dashboards know a run.
  HttpResponse report(const HttpRequest& request);
  /// Of `?run=A&run=B` the comparison, as compare.html has it.
  HttpResponse compare(const HttpRequest& request) const;

 private:
  /// What a run's line says, as JSON, and the report.json that it was read from.
  struct Line {
    std::int64_t written = 0;  ///< Nanoseconds of its modification time.
    std::int64_t size = 0;
    std::string id;  ///< Empty where its report.json cannot be read.
    std::string json;
  };
  /// Empty where none of those that list() has is called so.
  std::string name_of(const std::string& id);

  std::filesystem::path folder_;
  std::map<std::string, Line> lines_;  // by name, as far as they were listed
};

}  // namespace kneepoint::coordinator
