#include "coordinator/cli/write_plan.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

namespace kneepoint::coordinator {
namespace {

constexpr int kMostPlans = 1000;

bool holds(const std::string& path, const std::string& text) {
  std::ifstream file(path, std::ios::binary);
  return file && std::string{std::istreambuf_iterator<char>(file), {}} == text;
}

}  // namespace

Result<void> write_new_file(const std::string& path, const std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wx"), std::fclose);
  if (!file) {
    return Error{fmt::format(
        "{}: {}", path, errno == EEXIST ? "is there already; name another --output" : std::strerror(errno))};
  }
  if (std::fputs(text.c_str(), file.get()) < 0 || std::fflush(file.get()) != 0)
    return Error{fmt::format("{}: cannot be written: {}", path, std::strerror(errno))};
  return {};
}

Result<std::string> keep_plan(const std::string& name, const std::string& text) {
  for (int i = 1; i <= kMostPlans; ++i) {
    const std::string path = i == 1 ? name + ".yaml" : fmt::format("{}-{}.yaml", name, i);
    if (holds(path, text)) return path;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) continue;
    if (const auto written = write_new_file(path, text); !written) return written.error();
    return path;
  }
  return Error{fmt::format("there are {} plans {}-N.yaml here; delete some", kMostPlans, name)};
}

}  // namespace kneepoint::coordinator
