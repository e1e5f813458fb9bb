#include "coordinator/measure/in_step.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace kneepoint::coordinator {
namespace {

constexpr double kFewestStreams = 8;
constexpr int kFewestSeconds = 5;
/// Of the load: so near a multiple a second's completions must come; by chance a tenth of the seconds do.
constexpr double kNear = 0.05;
/// Of all completions, in such seconds.
constexpr double kShare = 0.6;
/// The batch as read, over the requests that the client sees being answered.
constexpr double kContradicted = 0.8;

bool come_in_multiples(const Step& step, const ClientLoad& client) {
  const double n = step.concurrency;
  const auto begin = static_cast<std::int64_t>(std::ceil(step.window_begin_seconds));
  const auto end = static_cast<std::int64_t>(step.window_begin_seconds + step.duration_seconds);
  double all = 0, together = 0;
  std::set<double> multiples;  // steady completions of about n a second are no beat: they make one only
  int seconds = 0;
  for (auto at = client.seconds().lower_bound(begin); at != client.seconds().end() && at->first < end; ++at) {
    const double ended = at->second.ended;
    const double multiple = std::round(ended / n);
    ++seconds;
    all += ended;
    if (std::abs(ended - multiple * n) > kNear * n) continue;
    multiples.insert(multiple);
    if (multiple > 0) together += ended;
  }
  return seconds >= kFewestSeconds && multiples.size() > 1 && all > 0 && together >= kShare * all;
}

/// Only a page that counts the same tokens can be contradicted by the client.
bool gauge_contradicted(const Step& step) {
  if (!step.telemetry || step.telemetry->page.state != "covered" || !step.telemetry->running_mean)
    return false;
  const auto in_flight = step.achieved_concurrency;
  if (!in_flight || !step.waiting) return false;
  const double read = *step.telemetry->running_mean + step.telemetry->waiting_mean.value_or(0);
  // Where the engine's own integral says what the gauge says, the rest waits elsewhere.
  if (const auto& by_time = step.telemetry->running_by_time; by_time && read >= kContradicted * *by_time)
    return false;
  const double answered = *in_flight - *step.waiting;  // those with a first token and not yet the last
  return read < kContradicted * answered;
}

}  // namespace

bool streams_in_step(const Step& step, const ClientLoad& client) {
  if (step.offered_rate || step.concurrency < kFewestStreams) return false;
  return come_in_multiples(step, client) || gauge_contradicted(step);
}

}  // namespace kneepoint::coordinator
