#include "coordinator/cli/interrupts.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "coordinator/results/exit_code.h"

namespace kneepoint::coordinator {

Interrupts::Interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  // A terminal that goes away ends a run as Ctrl-C does, with its report; unless that is to be ignored
  // (nohup).
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::jthread([this, signals](std::stop_token stop) {
    // Woken now and then to see whether the process is ending by itself.
    constexpr timespec kPatience{.tv_sec = 0, .tv_nsec = 100'000'000};
    while (!stop.stop_requested()) {
      if (sigtimedwait(&signals, nullptr, &kPatience) < 0) continue;
      interrupted_.request_stop();
      if (++count_ > 2) _exit(kInterrupted);
    }
  });
}

}  // namespace kneepoint::coordinator
