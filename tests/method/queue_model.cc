#include "tests/method/queue_model.h"

#include <algorithm>
#include <cmath>

#include "tests/method/queue_fleet.h"

namespace kneepoint::method {

double QueueModel::iteration(double batch, double admitted, double time) const {
  const double padded = stair > 1 ? std::ceil(batch / stair) * stair : batch;
  const double beyond = std::max(0.0, batch - collapse_from);
  return base * (1 + drift * time) + per_request * padded + (collapse > 0 ? collapse * beyond : 0) +
         prefill * admitted;
}

namespace {

/// P(k) of k = 0 … n requests in flight with `n` sessions.
std::vector<double> in_flight_of(const QueueModel& sessions, std::uint32_t n) {
  QueueModel host = sessions;
  host.turns = 1;
  const double pause = std::log(sessions.mean_pause());
  std::vector<double> weights;
  double served = 0;  // ln Π L/X(i)
  for (std::uint32_t k = 0; k <= n; ++k) {
    if (k > 0) served += std::log(host.mean_length() / host.throughput(k));
    weights.push_back((n - k) * pause - std::lgamma(n - k + 1.0) + served);
  }
  const double most = *std::max_element(weights.begin(), weights.end());
  double sum = 0;
  for (double& weight : weights) sum += weight = std::exp(weight - most);
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace

double QueueModel::in_flight(std::uint32_t n) const {
  if (mean_pause() == 0) return n;
  const std::vector<double> share = in_flight_of(*this, n);
  double mean = 0;
  for (std::uint32_t k = 0; k <= n; ++k) mean += k * share[k];
  return mean;
}

double QueueModel::throughput(std::uint32_t n, double time) const {
  if (mean_pause() > 0) {
    // Little's law over the whole cycle: who is not in flight thinks.
    return mean_length() * (n - in_flight(n)) / mean_pause();
  }
  const std::uint32_t pods = movement.how == Moving::kAutoscale ? 2 : 1;
  const double batch = std::min({n, pods * slots, admission_limit.value_or(n)});
  const double each = batch / pods;
  const double x =
      batch / iteration(each, each / mean_length(), time) * lasting_speed(movement, each / slots);
  const bool limited = movement.how == Moving::kTokenBucket || movement.how == Moving::kQuota;
  return limited ? std::min(x, movement.amount * mean_length()) : x;
}

std::optional<double> true_saturation(const QueueModel& model, std::uint32_t max, double time) {
  std::vector<double> x(max + 1, 0.0);
  for (std::uint32_t n = 1; n <= max; ++n) x[n] = model.throughput(n, time);
  const auto surplus = [&](std::uint32_t n) {
    return x[n] - 0.95 * *std::max_element(x.begin() + n, x.begin() + 2 * n + 1);
  };
  for (std::uint32_t n = 1; 2 * n <= max; ++n) {
    if (surplus(n) < 0) continue;
    if (n == 1) return 1;
    // Between n − 1 and n: N/X(N) is linear, the maximum over twice the load nearly constant.
    const double wanted = 0.95 * *std::max_element(x.begin() + n, x.begin() + 2 * n + 1);
    const double from = (n - 1) / x[n - 1];
    const double slope = n / x[n] - from;
    const double crossing = (wanted * (from - slope * (n - 1))) / (1 - wanted * slope);
    return std::clamp<double>(crossing, n - 1, n);
  }
  return std::nullopt;
}

double true_ttft_violation(const QueueModel& model, std::uint32_t n, Nanos limit) {
  constexpr double kWarmUp = 200;
  constexpr std::int64_t kRequests = 60'000;
  std::uint64_t met = 0;
  std::uint64_t missed = 0;
  // Several shorter runs beat one long one: the phases between requests are drawn anew.
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    QueueFleet fleet(model, {limit}, 0x7ea1 + seed);
    fleet.send(
        {.epoch = 1, .concurrency = n, .effective_at = Nanos(0), .spread_over = std::chrono::seconds(5)});
    const double rate = model.throughput(n) / model.mean_length();
    const double until = kWarmUp + static_cast<double>(kRequests) / 3 / rate;
    while (to_seconds(fleet.now()) < until) {
      const auto event = fleet.wait(std::chrono::seconds(1));
      if (!event) continue;
      for (const SecondSnapshot& second : std::get<coordinator::BatchArrived>(*event).batch.seconds) {
        if (static_cast<double>(second.second) < kWarmUp) continue;
        for (const auto& [key, stats] : second.series) {
          met += stats.slo[0].met;
          missed += stats.slo[0].missed;
        }
      }
    }
  }
  return static_cast<double>(missed) / static_cast<double>(met + missed);
}

std::vector<Case> all_cases() {
  using std::chrono::milliseconds;
  std::vector<Case> cases;
  cases.push_back(
      {.name = "hard", .model = {.slots = 50}, .max = 512, .ttft_limit = milliseconds(32), .minutes = 12});
  // c' = per_request + prefill / mean length; the knee lies at 9·a/c'.
  cases.push_back({.name = "soft25",
                   .model = {.base = 0.010, .per_request = 0.00036875, .prefill = 0.001, .slots = 100'000},
                   .max = 2048,
                   .ttft_limit = milliseconds(80),
                   .soft = true,
                   .minutes = 24});
  cases.push_back({.name = "soft200",
                   .model = {.base = 0.010, .per_request = 0.0000375, .prefill = 0.0004, .slots = 100'000},
                   .max = 4096,
                   .ttft_limit = milliseconds(80),
                   .soft = true,
                   .minutes = 20});
  // Past 150 throughput falls by a few percent: too little to be called a collapse, and no straight line.
  cases.push_back({.name = "retrograde",
                   .model = {.base = 0.010,
                             .per_request = 0.00036875,
                             .prefill = 0.001,
                             .slots = 100'000,
                             .collapse = 0.00012,
                             .collapse_from = 150},
                   .max = 2048,
                   .ttft_limit = milliseconds(80),
                   .soft = true,
                   .minutes = 19});
  cases.push_back({.name = "collapse",
                   .model = {.slots = 512, .collapse = 0.0008, .collapse_from = 90},
                   .max = 512,
                   .ttft_limit = milliseconds(35),
                   .minutes = 12});
  cases.push_back({.name = "staircase",
                   .model = {.slots = 96, .stair = 16},
                   .max = 512,
                   .ttft_limit = milliseconds(36),
                   .minutes = 13});
  cases.push_back({.name = "drift",
                   .model = {.slots = 50, .drift = 0.40 / 3600},
                   .max = 512,
                   .ttft_limit = milliseconds(32),
                   .expects_drift = true,
                   .minutes = 13});
  cases.push_back({.name = "r429",
                   .model = {.slots = 128, .admission_limit = 48},
                   .max = 512,
                   .ttft_limit = milliseconds(32),
                   .minutes = 11});
  cases.push_back(
      {.name = "convoy",
       .model = {.prefill = 0.0001, .slots = 50, .shortest = 32, .longest = 32, .burst_start = true},
       .max = 512,
       .ttft_limit = milliseconds(60),
       .minutes = 12});
  cases.push_back({.name = "null",
                   .model = {.base = 0.020, .per_request = 0.00016875, .slots = 100'000},
                   .max = 256,
                   .ttft_limit = milliseconds(50),
                   .minutes = 10});
  // Sessions that think for about as long as they wait: the load counts sessions, the slots hold requests.
  cases.push_back({.name = "sessions",
                   .model = {.slots = 50, .turns = 5, .think = 4},
                   .max = 1024,
                   .ttft_limit = milliseconds(1000),
                   .soft = true,
                   .minutes = 42});
  return cases;
}

}  // namespace kneepoint::method
