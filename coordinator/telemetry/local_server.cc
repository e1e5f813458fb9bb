#include "coordinator/telemetry/local_server.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace kneepoint::coordinator {
namespace {

namespace fs = std::filesystem;

/// What engines call the process that schedules and runs the model, as the kernel cuts it.
constexpr std::string_view kEngineNames[] = {"VLLM::EngineCor", "EngineCore", "sglang::schedul"};

constexpr std::string_view kListening = "0A";  // TCP_LISTEN in /proc/net/tcp

/// The inodes of the sockets that listen on one of `ports`.
std::set<std::string> listening(const std::set<std::uint16_t>& ports) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      const auto colon = local.rfind(':');
      if (state != kListening || colon == local.npos) continue;
      std::uint16_t port = 0;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16);
      if (ports.contains(port)) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

bool holds_any(int process, const std::set<std::string>& sockets) {
  std::error_code error;
  for (fs::directory_iterator at("/proc/" + std::to_string(process) + "/fd", error), end; !error && at != end;
       at.increment(error)) {
    std::error_code unreadable;
    if (sockets.contains(fs::read_symlink(at->path(), unreadable).string())) return true;
  }
  return false;
}

struct Stat {
  std::string name;  // at most 15 characters of it
  int parent = 0;
  double cpu_seconds = 0;
};

/// @returns nothing where the process has ended.
std::optional<Stat> stat_of(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  const auto name_end = text.rfind(')');  // a name may hold blanks and brackets
  const auto name_begin = text.find('(');
  if (name_end == text.npos || name_begin >= name_end) return std::nullopt;
  std::istringstream words(text.substr(name_end + 1));
  std::string word;
  Stat stat{.name = text.substr(name_begin + 1, name_end - name_begin - 1)};
  double user = 0, system = 0;
  words >> word >> stat.parent;
  for (int field = 5; field <= 13; ++field) words >> word;  // proc(5): utime and stime are fields 14 and 15
  words >> user >> system;
  stat.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return stat;
}

}  // namespace

void LocalServer::find() {
  processes_.clear();
  const auto sockets = listening(ports_);
  if (sockets.empty()) return;
  std::multimap<int, int> children;
  std::vector<int> open;
  std::error_code error;
  for (fs::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    int process = 0;
    const auto [last, bad] = std::from_chars(name.data(), name.data() + name.size(), process);
    if (bad != std::errc{} || last != name.data() + name.size()) continue;
    if (const auto stat = stat_of(process)) children.emplace(stat->parent, process);
    if (holds_any(process, sockets)) open.push_back(process);
  }
  while (!open.empty()) {
    const int process = open.back();
    open.pop_back();
    if (!processes_.insert(process).second) continue;
    const auto [begin, end] = children.equal_range(process);
    for (auto child = begin; child != end; ++child) open.push_back(child->second);
  }
}

std::optional<double> LocalServer::engine_cpu() const {
  std::optional<double> most;
  for (const int process : processes_) {
    const auto stat = stat_of(process);
    if (!stat) continue;
    const bool engine = std::any_of(std::begin(kEngineNames), std::end(kEngineNames),
                                    [&](std::string_view name) { return stat->name.starts_with(name); });
    if (engine) most = std::max(most.value_or(0), stat->cpu_seconds);
  }
  return most;
}

}  // namespace kneepoint::coordinator
