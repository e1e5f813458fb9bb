#include "tests/simhost/lifecycle.h"

#include <algorithm>
#include <csignal>
#include <ctime>
#include <functional>
#include <map>

namespace kneepoint::simhost {
namespace {

/// Whether a signal came before `until`.
bool signalled_before(MonoTime until, const sigset_t& signals) {
  const Nanos left = std::max(Nanos(0), Nanos(until - std::chrono::steady_clock::now()));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  timespec wait{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  return sigtimedwait(&signals, nullptr, &wait) > 0;
}

}  // namespace

Result<void> live(std::unique_ptr<Host> host, const Lifecycle& life, const sigset_t& signals) {
  const MonoTime begun = std::chrono::steady_clock::now();
  HostConfig config = host->config();
  config.port = host->ports().front();
  Result<void> outcome;
  std::multimap<MonoTime, std::function<void()>> events;
  if (life.hang_after) events.emplace(begun + *life.hang_after, [] { std::raise(SIGSTOP); });
  if (life.die_after) {
    events.emplace(begun + *life.die_after, [&] { host.reset(); });
    if (life.return_after) {
      events.emplace(begun + *life.die_after + *life.return_after, [&] {
        auto again = Host::start(config);
        if (again) {
          host = std::move(*again);
        } else {
          outcome = again.error();
        }
      });
    }
  }
  for (const auto& [at, happen] : events) {
    if (signalled_before(at, signals)) return outcome;
    happen();
    if (!outcome) return outcome;
  }
  int signal = 0;
  sigwait(&signals, &signal);
  return outcome;
}

}  // namespace kneepoint::simhost
