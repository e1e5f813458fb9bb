#include "coordinator/verdict/token_time.h"

#include <boost/math/distributions/chi_squared.hpp>
#include <cmath>

namespace kneepoint::coordinator {

double TokenTimeLine::knee() const {
  const double share = 2 * kSaturatedShare;
  return intercept * (share - 1) / (slope * (2 - share));
}

bool TokenTimeLine::plausible() const {
  return misfit <= boost::math::quantile(boost::math::chi_squared(degrees), 0.95);
}

std::optional<TokenTimeLine> fit_token_time(std::span<const ThroughputPoint> points, double low,
                                            double high) {
  double weights = 0, sum_n = 0, sum_s = 0, sum_nn = 0, sum_ns = 0;
  int count = 0;
  const auto each = [&](auto use) {
    for (const ThroughputPoint& point : points) {
      if (point.concurrency < low || point.concurrency > high || point.refused) continue;
      const double s = point.concurrency / point.throughput;
      const double error = s * point.standard_error / point.throughput;
      use(point.concurrency, s, 1 / (error * error));
    }
  };
  each([&](double n, double s, double w) {
    ++count;
    weights += w;
    sum_n += w * n;
    sum_s += w * s;
  });
  if (count < kFewestOnLine) return std::nullopt;
  const double mean_n = sum_n / weights;
  const double mean_s = sum_s / weights;
  each([&](double n, double s, double w) {
    sum_nn += w * (n - mean_n) * (n - mean_n);
    sum_ns += w * (n - mean_n) * (s - mean_s);
  });
  TokenTimeLine line{.degrees = count - 2};
  line.slope = sum_ns / sum_nn;
  line.intercept = mean_s - line.slope * mean_n;
  if (!(line.slope > 0) || !(line.intercept > 0)) return std::nullopt;
  each([&](double n, double s, double w) { line.misfit += w * std::pow(s - line.at(n), 2); });
  return line;
}

}  // namespace kneepoint::coordinator
