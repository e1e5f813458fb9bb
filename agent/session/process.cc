#include "agent/session/process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <utility>

namespace kneepoint::agent {
namespace {

/// A terminal that goes away stops an agent as Ctrl-C does, unless it was told to ignore that (nohup).
sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&signals, signal);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
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
  signal(SIGUSR1, SIG_IGN);  // means nothing here, and ends nothing
}

StopSignals::StopSignals(std::function<void(std::string)> on_stop)
    : waiter_([on_stop = std::move(on_stop)](const std::stop_token& stop) {
        const sigset_t signals = stop_signals();
        // Woken now and then to see whether the process is ending by itself: no signal from outside may do
        // that.
        constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 100'000'000};
        while (!stop.stop_requested()) {
          const int signal = sigtimedwait(&signals, nullptr, &kPatience);
          if (signal > 0) on_stop(strsignal(signal));
        }
      }) {}

}  // namespace kneepoint::agent
