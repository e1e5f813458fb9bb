#include "agent/record/self_monitor.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace kneepoint::agent {
namespace {

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t total = 0, resident = 0;
  if (!(in >> total >> resident)) return 0;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

SelfMonitor::SelfMonitor(bool measures_process) : measures_process_(measures_process), last_(read()) {}

ProcessCost SelfMonitor::read() const {
  ProcessCost now;
  if (measures_process_) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    now.user = seconds(usage.ru_utime);
    now.system = seconds(usage.ru_stime);
    now.resident_bytes = resident_bytes();
  }
  timespec thread{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread);
  now.thread = static_cast<double>(thread.tv_sec) + static_cast<double>(thread.tv_nsec) * 1e-9;
  return now;
}

ProcessCost SelfMonitor::spent() {
  const ProcessCost now = read();
  const ProcessCost before = std::exchange(last_, now);
  return {.user = now.user - before.user,
          .system = now.system - before.system,
          .thread = now.thread - before.thread,
          .resident_bytes = now.resident_bytes};
}

}  // namespace kneepoint::agent
