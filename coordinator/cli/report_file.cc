#include "coordinator/cli/report_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "coordinator/report/json.h"

namespace kneepoint::coordinator {

Result<Report> read_report(const std::string& path) {
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(file)) file /= "report.json";
  std::ifstream stream(file);
  if (!stream) return Error{fmt::format("{}: no report there; name a run directory", file.string())};
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  auto report = parse_report_json(text);
  if (!report)
    return Error{fmt::format("{}: {}; name a run directory, or its report.json", file.string(),
                             report.error().message)};
  return report;
}

}  // namespace kneepoint::coordinator
