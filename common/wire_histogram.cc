#include "common/wire_histogram.h"

#include <vector>

#include "common/wire.h"
#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint {
namespace {

using wire::amount;
using wire::count;
using wire::Field;
using wire::refuse;

/// Sums are doubles added in any order: they may miss their exact bounds by this much.
constexpr double kBoundRounding = 1e-6;

void check_extremes(const Field& at, const Histogram& histogram) {
  const auto buckets = histogram.buckets();
  const Nanos min = histogram.min();
  const Nanos max = histogram.max();
  if (min < Nanos(0)) refuse({&at, "min_nanos"}, "is negative");
  if (max < min) refuse({&at, "max_nanos"}, "is below the minimum");
  const bool min_fits = buckets.empty() ? min >= HistogramLayout::limit()
                                        : min < HistogramLayout::limit() &&
                                              HistogramLayout::index_of(min) == buckets.front().index;
  if (!min_fits) refuse({&at, "min_nanos"}, "does not lie in the first bucket");
  const bool max_fits = histogram.overflow() > 0 ? max >= HistogramLayout::limit()
                                                 : max < HistogramLayout::limit() &&
                                                       HistogramLayout::index_of(max) == buckets.back().index;
  if (!max_fits) refuse({&at, "max_nanos"}, "does not lie in the last bucket");
}

void check_sums(const Field& at, const Histogram& histogram) {
  const double n = static_cast<double>(histogram.count());
  const auto within = [](double value, double low, double high) {
    return value >= low * (1 - kBoundRounding) && value <= high * (1 + kBoundRounding);
  };
  const double min = histogram.min_seconds();
  const double max = histogram.max_seconds();
  if (!within(histogram.sum_seconds(), n * min, n * max))
    refuse({&at, "sum_seconds"}, "contradicts count and extremes");
  if (!within(histogram.sum_squares(), n * min * min, n * max * max)) {
    refuse({&at, "sum_squares"}, "contradicts count and extremes");
  }
}

}  // namespace

Histogram wire::histogram_from(const Field& at, const v1::Histogram& message) {
  if (message.layout() != HistogramLayout::kId)
    refuse({&at, "layout"}, fmt::format("unknown layout {}", message.layout()));
  if (message.index_deltas_size() != message.counts_size()) {
    refuse({&at, "counts"},
           fmt::format("{} counts for {} indices", message.counts_size(), message.index_deltas_size()));
  }
  wire::size_at_most({&at, "counts"}, static_cast<std::size_t>(message.counts_size()),
                     HistogramLayout::kBucketCount);
  std::vector<Histogram::Bucket> buckets;
  buckets.reserve(static_cast<std::size_t>(message.counts_size()));
  std::uint64_t index = 0;
  std::uint64_t total = count({&at, "overflow"}, message.overflow());
  for (int i = 0; i < message.counts_size(); ++i) {
    const std::uint32_t delta = message.index_deltas(i);
    if (i > 0 && delta == 0) refuse({&at, "index_deltas", i}, "repeats an index");
    index += delta;
    if (index >= HistogramLayout::kBucketCount) refuse({&at, "index_deltas", i}, "runs past the last bucket");
    const std::uint64_t in_bucket = count({&at, "counts", i}, message.counts(i));
    if (in_bucket == 0) refuse({&at, "counts", i}, "is 0");
    total += in_bucket;
    buckets.push_back({static_cast<std::uint32_t>(index), in_bucket});
  }
  count({&at, "counts"}, total);
  const double sum = amount({&at, "sum_seconds"}, message.sum_seconds());
  const double squares = amount({&at, "sum_squares"}, message.sum_squares());
  const Nanos min(message.min_nanos());
  const Nanos max(message.max_nanos());
  if (total == 0) {
    if (min != Nanos(0) || max != Nanos(0) || sum != 0 || squares != 0) refuse(at, "has sums but no values");
    return {};
  }
  Histogram histogram = Histogram::from_parts(std::move(buckets), message.overflow(), min, max, sum, squares);
  check_extremes(at, histogram);
  check_sums(at, histogram);
  return histogram;
}

void to_wire(const Histogram& histogram, v1::Histogram& out) {
  out.Clear();
  out.set_layout(HistogramLayout::kId);
  std::uint32_t previous = 0;
  for (const Histogram::Bucket& bucket : histogram.buckets()) {
    out.add_index_deltas(bucket.index - previous);
    out.add_counts(bucket.count);
    previous = bucket.index;
  }
  out.set_overflow(histogram.overflow());
  out.set_min_nanos(histogram.min().count());
  out.set_max_nanos(histogram.max().count());
  out.set_sum_seconds(histogram.sum_seconds());
  out.set_sum_squares(histogram.sum_squares());
}

Result<Histogram> from_wire(const v1::Histogram& message) {
  return wire::guarded([&] { return wire::histogram_from({nullptr, "histogram"}, message); });
}

}  // namespace kneepoint
