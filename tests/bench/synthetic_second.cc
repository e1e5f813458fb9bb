#include "tests/bench/synthetic_second.h"

#include <cmath>
#include <random>

namespace kneepoint {
namespace {

constexpr std::uint64_t kTokens = 1250;  ///< Of one replica in a second.
constexpr std::uint64_t kTokensOfAnswer = 200;

/// Durations around `median` whose logarithm spreads by `sigma`.
void record(Histogram& histogram, std::mt19937_64& random, double median, double sigma, std::uint64_t count) {
  std::lognormal_distribution<double> draw(std::log(median), sigma);
  for (std::uint64_t i = 0; i < count; ++i) histogram.record(from_seconds(draw(random)));
}

}  // namespace

SecondSnapshot synthetic_second(std::uint64_t seed, std::int64_t second, std::uint64_t epoch) {
  std::mt19937_64 random(seed);
  SecondSnapshot out{.second = second};
  for (std::uint32_t replica = 0; replica < kSyntheticReplicas; ++replica) {
    SeriesStats& stats = out.series[{.epoch = epoch, .replica = replica}];
    const std::uint64_t ended = std::poisson_distribution<std::uint64_t>(kTokens / kTokensOfAnswer)(random);
    stats.started = stats.first_tokens = stats.outcomes[0] = ended;
    stats.chunks = kTokens;
    stats.unreported_chunks = {kTokens / 2, kTokens / 2};
    stats.usage_tokens = stats.usage_chunks = ended * kTokensOfAnswer;
    stats.prompt_tokens = ended * 500;
    stats.joint_good = ended;
    stats.in_flight = static_cast<double>(kSyntheticStreams) / kSyntheticReplicas;
    stats.waiting = 0.2 * static_cast<double>(ended);
    stats.segments = {.sent = ended, .received = kTokens};
    record(stats.ttft, random, 0.2, 0.3, ended);
    record(stats.ttfo, random, 0.2, 0.3, ended);
    record(stats.tpot, random, 0.02, 0.05, ended);
    record(stats.e2e, random, 4.2, 0.05, ended);
    record(stats.icl, random, 0.02, 0.25, kTokens);
  }
  GeneratorStats& generator = out.generator;
  generator.cpu_user = 0.03, generator.cpu_system = 0.02, generator.busiest_thread = 0.05;
  generator.resident_bytes = 30 << 20;
  generator.reads = kSyntheticReplicas * kTokens;
  record(generator.rx_lag, random, 40e-6, 0.7, generator.reads);
  record(generator.loop_gap, random, 60e-6, 0.7, generator.reads / 2);
  return out;
}

}  // namespace kneepoint
