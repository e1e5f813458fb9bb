#include "agent/self_monitor.h"

#include <sys/resource.h>
#include <time.h>

#include <utility>

namespace kneepoint::agent {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

}  // namespace

SelfMonitor::SelfMonitor(bool measures_process) : measures_process_(measures_process), last_(read()) {}

CpuTime SelfMonitor::read() const {
  CpuTime now;
  if (measures_process_) {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    now.user = seconds(usage.ru_utime);
    now.system = seconds(usage.ru_stime);
  }
  timespec thread{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &thread);
  now.thread = static_cast<double>(thread.tv_sec) + static_cast<double>(thread.tv_nsec) * 1e-9;
  return now;
}

CpuTime SelfMonitor::spent() {
  const CpuTime now = read();
  const CpuTime before = std::exchange(last_, now);
  return {.user = now.user - before.user, .system = now.system - before.system, .thread = now.thread - before.thread};
}

}  // namespace kneepoint::agent
