#include "agent/session/process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>

namespace kneepoint::agent {
namespace {

/// Ends the waiting thread itself.
constexpr int kWake = SIGUSR1;

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, kWake}) sigaddset(&signals, signal);
  return signals;
}

}  // namespace

bool die_with_parent(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;  // it may have ended before the line above
}

void block_stop_signals() {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

StopSignals::StopSignals(std::function<void(std::string)> on_stop)
    : waiter_([on_stop = std::move(on_stop)] {
        const sigset_t signals = stop_signals();
        int signal = 0;
        while (sigwait(&signals, &signal) == 0 && signal != kWake) on_stop(strsignal(signal));
      }) {}

StopSignals::~StopSignals() {
  pthread_kill(waiter_.native_handle(), kWake);
  waiter_.join();
}

}  // namespace kneepoint::agent
