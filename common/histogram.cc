#include "common/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kneepoint {
namespace {

constexpr std::uint64_t kSubBuckets = 1u << HistogramLayout::kSubBucketBits;

/// The lower bound of a bucket, in units of 8 ns.
std::uint64_t lower_units(std::uint32_t index) {
  const std::uint64_t octave = index >> HistogramLayout::kSubBucketBits;
  const std::uint64_t sub = index & (kSubBuckets - 1);
  return octave == 0 ? sub : (kSubBuckets + sub) << (octave - 1);
}

double units_to_seconds(double units) {
  return units * (1 << HistogramLayout::kUnitBits) * 1e-9;
}

bool by_index(const Histogram::Bucket& a, const Histogram::Bucket& b) {
  return a.index < b.index;
}

}  // namespace

std::uint32_t HistogramLayout::index_of(Nanos value) {
  const auto units = static_cast<std::uint64_t>(value.count()) >> kUnitBits;
  if (units < kSubBuckets) return static_cast<std::uint32_t>(units);
  const int octave = std::bit_width(units) - kSubBucketBits;
  return (static_cast<std::uint32_t>(octave) << kSubBucketBits) +
         static_cast<std::uint32_t>((units >> (octave - 1)) - kSubBuckets);
}

double HistogramLayout::lower_seconds(std::uint32_t index) {
  return units_to_seconds(static_cast<double>(lower_units(index)));
}
double HistogramLayout::upper_seconds(std::uint32_t index) {
  return units_to_seconds(static_cast<double>(lower_units(index + 1)));
}
double HistogramLayout::middle_seconds(std::uint32_t index) {
  return (lower_seconds(index) + upper_seconds(index)) / 2;
}

void Histogram::record(Nanos value, std::uint64_t times) {
  if (times == 0) return;
  value = std::max(value, Nanos(0));
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  const double seconds = to_seconds(value);
  sum_ += seconds * static_cast<double>(times);
  sum_squares_ += seconds * seconds * static_cast<double>(times);
  count_ += times;
  if (value >= HistogramLayout::limit()) {
    overflow_ += times;
    return;
  }
  const Bucket bucket{HistogramLayout::index_of(value), times};
  auto at = std::lower_bound(buckets_.begin(), buckets_.end(), bucket, by_index);
  if (at != buckets_.end() && at->index == bucket.index) {
    at->count += times;
  } else {
    buckets_.insert(at, bucket);
  }
}

void Histogram::merge(const Histogram& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  sum_ += other.sum_;
  sum_squares_ += other.sum_squares_;
  count_ += other.count_;
  overflow_ += other.overflow_;
  if (buckets_.empty()) {
    buckets_ = other.buckets_;
    return;
  }
  std::vector<Bucket> fresh;  // few: of many seconds the same buckets come again and again
  auto ours = buckets_.begin();
  for (const Bucket& theirs : other.buckets_) {
    while (ours != buckets_.end() && ours->index < theirs.index) ++ours;
    if (ours != buckets_.end() && ours->index == theirs.index) {
      ours->count += theirs.count;
    } else {
      fresh.push_back(theirs);
    }
  }
  if (fresh.empty()) return;
  const auto middle = static_cast<std::ptrdiff_t>(buckets_.size());
  buckets_.reserve(buckets_.size() + fresh.size());  // no more: many are kept for hours
  buckets_.insert(buckets_.end(), fresh.begin(), fresh.end());
  std::inplace_merge(buckets_.begin(), buckets_.begin() + middle, buckets_.end(), by_index);
}

std::optional<double> Histogram::mean_seconds() const {
  if (count_ == 0) return std::nullopt;
  return sum_ / static_cast<double>(count_);
}

std::optional<double> Histogram::stddev_seconds() const {
  if (count_ < 2) return std::nullopt;
  const double n = static_cast<double>(count_);
  return std::sqrt(std::max(0.0, (sum_squares_ - sum_ * sum_ / n) / (n - 1)));
}

std::optional<double> Histogram::quantile_seconds(double q) const {
  if (count_ == 0) return std::nullopt;
  const auto rank = std::clamp<std::uint64_t>(
      static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))), 1, count_);
  // The ends are known exactly.
  if (rank == 1) return min_seconds();
  if (rank == count_) return max_seconds();
  std::uint64_t seen = 0;
  for (const Bucket& bucket : buckets_) {
    seen += bucket.count;
    if (seen >= rank) {
      return std::clamp(HistogramLayout::middle_seconds(bucket.index), min_seconds(), max_seconds());
    }
  }
  return max_seconds();  // the rank lies in the overflow
}

double Histogram::count_above(double limit_seconds) const {
  double above = static_cast<double>(overflow_);
  for (const Bucket& bucket : buckets_) {
    const double low = HistogramLayout::lower_seconds(bucket.index);
    const double high = HistogramLayout::upper_seconds(bucket.index);
    const double share = std::clamp((high - limit_seconds) / (high - low), 0.0, 1.0);
    above += share * static_cast<double>(bucket.count);
  }
  return above;
}

std::span<const Histogram::Bucket> Histogram::buckets() const {
  return buckets_;
}

Histogram Histogram::from_parts(std::vector<Bucket> buckets, std::uint64_t overflow, Nanos min, Nanos max,
                                double sum, double sum_squares) {
  Histogram result;
  result.buckets_ = std::move(buckets);
  result.overflow_ = overflow;
  result.count_ = overflow;
  for (const Bucket& bucket : result.buckets_) result.count_ += bucket.count;
  result.min_ = min;
  result.max_ = max;
  result.sum_ = sum;
  result.sum_squares_ = sum_squares;
  return result;
}

bool Histogram::operator==(const Histogram& other) const {
  return count_ == other.count_ && overflow_ == other.overflow_ && min_ == other.min_ && max_ == other.max_ &&
         sum_ == other.sum_ && sum_squares_ == other.sum_squares_ && buckets_ == other.buckets_;
}

DenseHistogram::DenseHistogram() : counts_(HistogramLayout::kBucketCount, 0) {
  touched_.reserve(HistogramLayout::kBucketCount);
}

void DenseHistogram::record(Nanos value) {
  value = std::max(value, Nanos(0));
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  const double seconds = to_seconds(value);
  sum_ += seconds;
  sum_squares_ += seconds * seconds;
  ++count_;
  if (value >= HistogramLayout::limit()) {
    ++overflow_;
    return;
  }
  const std::uint32_t index = HistogramLayout::index_of(value);
  if (counts_[index]++ == 0) touched_.push_back(index);
}

Histogram DenseHistogram::drain() {
  std::sort(touched_.begin(), touched_.end());
  std::vector<Histogram::Bucket> buckets;
  buckets.reserve(touched_.size());
  for (const std::uint32_t index : touched_) {
    buckets.push_back({index, counts_[index]});
    counts_[index] = 0;
  }
  touched_.clear();
  Histogram result = Histogram::from_parts(std::move(buckets), overflow_, min_, max_, sum_, sum_squares_);
  count_ = overflow_ = 0;
  sum_ = sum_squares_ = 0;
  min_ = max_ = Nanos(0);
  return result;
}

}  // namespace kneepoint
