// What compared runs are called.
#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>

#include "common/printable.h"
#include "coordinator/compare/comparison.h"
#include "coordinator/report/columns.h"

namespace kneepoint::coordinator {
namespace {

/// So that a table of two runs side by side keeps to its width.
constexpr std::size_t kMostColumns = 16;

/// "latest" of "runs/latest", "runs/latest/report.json" and "runs/latest@host".
std::string folder_of(const ComparedRun& run) {
  std::string source = run.source;
  if (!run.target.empty()) source.resize(source.size() - run.target.size() - 1);
  std::filesystem::path path = std::filesystem::path(source).lexically_normal();
  if (path.filename().empty() || path.extension() == ".json") path = path.parent_path();
  const std::string name = path.filename().string();
  return name == "." || name == ".." ? "" : name;
}

std::string target_of(const ComparedRun& run) {
  return run.target;
}

std::string folder_and_target_of(const ComparedRun& run) {
  return run.target.empty() ? folder_of(run) : folder_of(run) + "@" + run.target;
}

std::string plan_of(const ComparedRun& run) {
  return run.report.run_name;
}

constexpr std::array kNamings = {&target_of, &folder_of, &folder_and_target_of, &plan_of};

bool is_short(const std::string& name) {
  return !name.empty() && printable(name) == name && column_width(name) <= kMostColumns;
}

}  // namespace

void label_runs(std::vector<ComparedRun>& runs) {
  for (const auto naming : kNamings) {
    std::set<std::string> names;
    for (const ComparedRun& run : runs) names.insert(naming(run));
    if (names.size() < runs.size() || !std::all_of(names.begin(), names.end(), is_short)) continue;
    for (ComparedRun& run : runs) run.label = naming(run);
    return;
  }
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].label = std::string(1, static_cast<char>('A' + i));
}

}  // namespace kneepoint::coordinator
