#include "tests/simhost/truth.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kneepoint::simhost {

namespace {

constexpr double kGrid = 1.002;
constexpr double kGainLeft = 0.95;
constexpr Nanos kTurnaround = std::chrono::microseconds(100);  // a client on the same network

/// X(N) measured at some whole N, linear in log N between them.
class MeasuredCurve {
 public:
  void add(double clients, double throughput) { points_.push_back({std::log(clients), throughput}); }

  double operator()(double clients) const {
    const double x = std::log(clients);
    auto right =
        std::lower_bound(points_.begin(), points_.end(), x, [](const Point& p, double v) { return p.x < v; });
    if (right == points_.begin()) return points_.front().y;
    if (right == points_.end()) return points_.back().y;
    const auto left = right - 1;
    return left->y + (right->y - left->y) * (x - left->x) / (right->x - left->x);
  }

  double highest() const {
    double y = 0;
    for (const Point& point : points_) y = std::max(y, point.y);
    return y;
  }

 private:
  struct Point {
    double x, y;
  };
  std::vector<Point> points_;
};

/// Where a rising function has a value; `highest` where it does not reach it until there.
template <class Function>
double inverse(const Function& function, double value, double highest) {
  double low = 0;
  double high = highest;
  if (function(high) <= value) return high;
  for (int i = 0; i < 45; ++i) {
    const double middle = (low + high) / 2;
    (function(middle) < value ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

std::string_view to_string(KneeKind kind) {
  return kind == KneeKind::kHard ? "hard" : "soft";
}

Oracle::Oracle(const EngineConfig& config, Workload workload) : config_(config), workload_(workload) {
  const double prompt = workload.prompt_tokens;
  const double output = workload.output_tokens;
  const double budget = config.batched_tokens;
  computed_tokens_ = std::max(1.0, prompt - workload.received_tokens);
  const double chunks = std::ceil(computed_tokens_ / budget);
  base_iterations_ = output - 1 + chunks;
  // Σ of the KV entries read: whole chunks before the last, then P, P + 1, … P + L − 1.
  const double kv = budget * chunks * (chunks - 1) / 2 + output * prompt + output * (output - 1) / 2;
  request_seconds_ = to_seconds(config.per_sequence) * base_iterations_ +
                     to_seconds(config.per_prefill_token) * computed_tokens_ +
                     config.per_kv_token_nanos * 1e-9 * kv;
  const double held = prompt + output / 2;
  cap_ = std::min<double>(config.slots, std::max(1.0, static_cast<double>(config.kv_tokens) / held));
}

double Oracle::iterations_per_request(double batch) const {
  const double contended = batch * (computed_tokens_ + workload_.output_tokens) / config_.batched_tokens;
  return std::max(base_iterations_, contended);
}

double Oracle::iteration_seconds(double batch) const {
  return to_seconds(config_.base) + batch * request_seconds_ / iterations_per_request(batch);
}

double Oracle::clients_for(double batch) const {
  const double iteration = iteration_seconds(batch);
  const double hidden = to_seconds(config_.admission_latency) / iteration;
  const double lag = std::max(1.0, hidden + 0.5);
  const double k = iterations_per_request(batch);
  const double crowded = batch * (1 + lag / k);
  // A client alone finds the engine idle and misses nothing; from two on it does.
  const double alone = batch * (1 + hidden / k);
  const double weight = std::clamp(crowded - 1, 0.0, 1.0);
  return alone + weight * (crowded - alone);
}

double Oracle::batch(double clients) const {
  return inverse([&](double batch) { return clients_for(batch); }, clients, cap_);
}

double Oracle::tokens_per_second(double clients) const {
  const double b = batch(clients);
  return b * workload_.output_tokens / (iterations_per_request(b) * iteration_seconds(b));
}

double Oracle::residence_seconds(double batch) const {
  return iterations_per_request(batch) * iteration_seconds(std::max(1.0, batch));
}

double Oracle::batch_at(double requests_per_second) const {
  return inverse([&](double batch) { return batch / residence_seconds(batch); }, requests_per_second, cap_);
}

double Oracle::tpot_seconds(double clients) const {
  return iteration_seconds(batch(clients));
}

SplitOracle::SplitOracle(const SplitConfig& split, const EngineConfig& decode, Workload workload)
    : prefill_(split.prefill, {workload.prompt_tokens, 1}),
      decode_(decode, {workload.prompt_tokens, workload.output_tokens, workload.prompt_tokens}),
      prefill_workers_(split.prefill_workers),
      decode_workers_(split.decode_workers),
      output_tokens_(workload.output_tokens) {
  const double sending = to_seconds(split.transfer_time(workload.prompt_tokens));
  stations_ = {{Stage::kPrefill, split.prefill_workers, prefill_.residence_seconds(1),
                prefill_workers_ * prefill_.most_per_second()},
               {Stage::kKvTransfer, split.links, sending, split.links / sending},
               {Stage::kDecode, split.decode_workers, decode_.residence_seconds(1),
                decode_workers_ * decode_.most_per_second()}};
}

const SplitOracle::Station& SplitOracle::bottleneck() const {
  return *std::min_element(stations_.begin(), stations_.end(), [](const Station& a, const Station& b) {
    return a.most_per_second < b.most_per_second;
  });
}

double SplitOracle::clients_for(double requests_per_second) const {
  const double prefill = prefill_workers_ * prefill_.batch_at(requests_per_second / prefill_workers_);
  const double batch = decode_.batch_at(requests_per_second / decode_workers_);
  const double until_taken = decode_.residence_seconds(batch) / output_tokens_ / 2;
  return prefill + decode_workers_ * batch + requests_per_second * (stations_[1].seconds + until_taken);
}

double SplitOracle::requests_per_second(double clients) const {
  return inverse([&](double rate) { return clients_for(rate); }, clients, bottleneck().most_per_second);
}

double SplitOracle::tokens_per_second(double clients) const {
  return requests_per_second(clients) * output_tokens_;
}

double SplitOracle::tpot_seconds(double clients) const {
  const double batch = decode_.batch_at(requests_per_second(clients) / decode_workers_);
  return decode_.residence_seconds(batch) / output_tokens_;
}

double saturation_concurrency(const std::function<double(double)>& throughput, double highest) {
  std::vector<double> values;
  for (double n = 1; n <= highest; n *= kGrid) values.push_back(throughput(n));
  const auto doubling = static_cast<std::size_t>(std::ceil(std::log(2.0) / std::log(kGrid)));
  for (std::size_t i = 0; i + doubling < values.size(); ++i) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(i);
    const double best = *std::max_element(from, from + static_cast<std::ptrdiff_t>(doubling) + 1);
    if (values[i] >= kGainLeft * best) return std::pow(kGrid, static_cast<double>(i));
  }
  return 0;
}

namespace {

/// The knee by an oracle's curve and by simulation. @param beyond past it nothing can change any more.
Truth both_ways(const std::function<double(double)>& oracle, double beyond, const PipelineConfig& config,
                Workload workload) {
  Truth truth;
  truth.oracle_saturation_concurrency = saturation_concurrency(oracle, beyond);
  MeasuredCurve curve;
  const double top = std::min(beyond, 3 * std::max(1.0, truth.oracle_saturation_concurrency));
  int last = 0;
  for (double n = 1; n <= top * 1.05; n *= 1.05) {
    const int clients = static_cast<int>(std::lround(n));
    if (clients == last) continue;
    last = clients;
    curve.add(clients, simulate_closed_loop(config, workload, clients, kTurnaround).tokens_per_second);
  }
  truth.simulated_saturation_concurrency =
      saturation_concurrency([&](double n) { return curve(n); }, std::min<double>(top, last));
  truth.max_tokens_per_second = curve.highest();
  return truth;
}

/// Past 2.2 · the load that fills a host (plus what waits out a turnaround).
double beyond(double full) {
  return 4.6 * full + 4;
}

}  // namespace

Truth true_knee(const PipelineConfig& config, Workload workload) {
  if (config.split.on()) {
    const SplitOracle oracle(config.split, config.engine, workload);
    const double full = oracle.clients_for(oracle.bottleneck().most_per_second);
    Truth truth =
        both_ways([&](double n) { return oracle.tokens_per_second(n); }, beyond(full), config, workload);
    truth.kind = 2 * truth.oracle_saturation_concurrency >= full ? KneeKind::kHard : KneeKind::kSoft;
    truth.saturation_concurrency = truth.simulated_saturation_concurrency;
    truth.gives_out = oracle.bottleneck().stage;
    return truth;
  }
  const Oracle oracle(config.engine, workload);
  Truth truth = both_ways([&](double n) { return oracle.tokens_per_second(n); }, beyond(oracle.batch_cap()),
                          config, workload);
  truth.kind = oracle.batch(2 * truth.oracle_saturation_concurrency) >= oracle.batch_cap() ? KneeKind::kHard
                                                                                           : KneeKind::kSoft;
  truth.saturation_concurrency =
      oracle.kv_bound() ? truth.simulated_saturation_concurrency : truth.oracle_saturation_concurrency;
  return truth;
}

}  // namespace kneepoint::simhost
