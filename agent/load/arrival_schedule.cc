#include "agent/load/arrival_schedule.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "common/distribution.h"

namespace kneepoint::agent {
namespace {

/// The random numbers of one gap. A gap's numbers depend on its index only, however many others needed.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  /// (0, 1]: its logarithm is finite.
  double unit() { return 1 - unit_interval(state_ = mix_bits(state_)); }
  /// Box–Muller.
  double normal() {
    const double radius = std::sqrt(-2 * std::log(unit()));
    return radius * std::cos(2 * std::numbers::pi * unit());
  }

 private:
  std::uint64_t state_;
};

/// Gamma of this shape and scale 1 (Marsaglia and Tsang 2000); its mean is the shape.
double gamma(Draws& draws, double shape) {
  if (shape < 1) {
    const double larger = gamma(draws, shape + 1);
    return larger * std::pow(draws.unit(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = draws.normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(draws.unit()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

}  // namespace

ArrivalSchedule::ArrivalSchedule(const ArrivalProcess& process, std::uint64_t seed,
                                 std::shared_ptr<const Dataset> trace, double time_scale)
    : process_(process), seed_(seed), trace_(std::move(trace)), time_scale_(time_scale) {}

std::optional<Nanos> ArrivalSchedule::next() {
  if (process_.kind == ArrivalProcess::Kind::kTrace) {
    if (!trace_ || index_ == trace_->entries.size()) return std::nullopt;
    return arrival_of(trace_->entries[index_++], time_scale_);
  }
  if (process_.kind == ArrivalProcess::Kind::kConstant) return due_after(static_cast<double>(index_++));
  mean_gaps_ += gap();
  ++index_;
  return due_after(mean_gaps_);
}

/// The instant by which so many requests are due on average: the inverse of the integral of the rate, which
/// makes a process of rate 1 one of the rate that is wanted.
Nanos ArrivalSchedule::due_after(double mean_gaps) const {
  const double from = process_.rate, to = process_.end_rate, over = to_seconds(process_.over);
  if (over <= 0) return from_seconds(mean_gaps / from);
  const double while_moving = (from + to) / 2 * over;
  if (mean_gaps >= while_moving) return from_seconds(over + (mean_gaps - while_moving) / to);
  const double slope = (to - from) / over;
  return from_seconds(2 * mean_gaps / (from + std::sqrt(from * from + 2 * slope * mean_gaps)));
}

/// Of mean 1.
double ArrivalSchedule::gap() {
  Draws draws(mix_bits(seed_ ^ index_));
  if (process_.kind == ArrivalProcess::Kind::kPoisson) return -std::log(draws.unit());
  return gamma(draws, process_.burstiness) / process_.burstiness;
}

}  // namespace kneepoint::agent
