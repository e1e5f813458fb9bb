#include "coordinator/compare/significance.h"

#include <algorithm>
#include <cmath>

#include "coordinator/measure/statistics.h"

namespace kneepoint::coordinator {
namespace {

void welch(const Sample& base, const Sample& other, Difference& difference) {
  const double a = relative_error(base), b = relative_error(other);
  const double error = std::hypot(a, b);
  const double degrees =
      std::max(1.0, std::pow(error, 4) / (std::pow(a, 4) / base.degrees + std::pow(b, 4) / other.degrees));
  const double log_ratio = std::log(other.value / base.value);
  const double half = student_t(0.975, degrees) * error;
  difference.ci95 = Interval{std::exp(log_ratio - half) - 1, std::exp(log_ratio + half) - 1};
  difference.p = 2 * student_t_upper_tail(std::abs(log_ratio) / error, degrees);
  difference.tested = true;
}

void brackets(const Interval& base, const Interval& other, Difference& difference) {
  if (base.low > 0 && std::isfinite(base.high) && std::isfinite(other.high))
    difference.ci95 = Interval{other.low / base.high - 1, other.high / base.low - 1};
  difference.tested = true;
  difference.significant = other.low >= base.high || base.low >= other.high;
}

Difference points_between(const Sample& base, const Sample& other) {
  Difference difference{.ratio = other.value - base.value, .points = true};
  if (!base.range || !other.range) return difference;
  difference.ci95 = Interval{other.range->low - base.range->high, other.range->high - base.range->low};
  difference.tested = true;
  difference.significant = difference.ci95->low >= 0 || difference.ci95->high <= 0;
  return difference;
}

RatioBound bound_of(const Sample& base, const Sample& other) {
  const auto open = [](const Sample& s) { return s.range && std::isinf(s.range->high); };
  if (open(base)) return open(other) ? RatioBound::kUnknown : RatioBound::kAtMost;
  return open(other) ? RatioBound::kAtLeast : RatioBound::kNone;
}

}  // namespace

double relative_error(const Sample& sample) {
  return std::max(*sample.standard_error / sample.value, kLeastRelativeError);
}

Difference difference(const Sample& base, const Sample& other) {
  if (base.share) return points_between(base, other);
  Difference difference{.ratio = base.value == other.value ? 0 : other.value / base.value - 1,
                        .bound = bound_of(base, other)};
  if (base.range && other.range) {
    brackets(*base.range, *other.range, difference);
  } else if (base.standard_error && other.standard_error && base.degrees >= 1 && other.degrees >= 1) {
    welch(base, other, difference);
  }
  return difference;
}

void apply_holm(const std::vector<Difference*>& differences, double level) {
  std::vector<Difference*> tests;
  for (Difference* each : differences) {
    if (each->p) tests.push_back(each);
  }
  std::sort(tests.begin(), tests.end(),
            [](const Difference* a, const Difference* b) { return *a->p < *b->p; });
  for (std::size_t i = 0; i < tests.size() && *tests[i]->p <= level / static_cast<double>(tests.size() - i);
       ++i) {
    tests[i]->significant = true;
  }
}

}  // namespace kneepoint::coordinator
