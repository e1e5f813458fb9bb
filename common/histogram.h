#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/clock.h"

namespace kneepoint {

/// Log-linear layout shared by every histogram of the project: 128 sub-buckets an octave, counted in units of
/// 8 ns. Below 1,024 ns buckets are 8 ns wide; above, a bucket is at most 1/128 of its lower bound wide, so
/// its middle is within 0.39 % of any value in it. The range ends above 24 h. The layout never depends on
/// data, so merging is integer addition.
struct HistogramLayout {
  static constexpr std::uint32_t kId = 1;  ///< Travels with every histogram; a different id is refused.
  static constexpr int kSubBucketBits = 7;
  static constexpr int kUnitBits = 3;
  static constexpr std::uint32_t kBucketCount = 38u << kSubBucketBits;

  /// @param value at least 0 and below `limit()`.
  static std::uint32_t index_of(Nanos value);
  /// The middle of bucket `index`, which stands for every value in it.
  static double middle_seconds(std::uint32_t index);
  static double lower_seconds(std::uint32_t index);
  static double upper_seconds(std::uint32_t index);
  /// The first value that no bucket holds (a little above 24 h).
  static constexpr Nanos limit() { return Nanos(std::int64_t{1} << (37 + kSubBucketBits + kUnitBits)); }
};

/// A mergeable histogram of durations. Sparse: memory follows the number of distinct buckets, which is what
/// travels once a second from every agent. Exact count, minimum, maximum, Σ and Σ² are kept beside the
/// buckets, so mean and standard deviation carry no bucket error. Values past the range are counted as
/// overflow and rank above every bucket; negative values (a stamp before its request) are counted as 0. Not
/// thread-safe: one writer, or external locking.
class Histogram {
 public:
  struct Bucket {
    std::uint32_t index = 0;
    std::uint64_t count = 0;
    bool operator==(const Bucket&) const = default;
  };

  void record(Nanos value, std::uint64_t times = 1);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t overflow() const { return overflow_; }
  bool empty() const { return count_ == 0; }
  double sum_seconds() const { return sum_; }
  double sum_squares() const { return sum_squares_; }
  /// 0 when empty.
  Nanos min() const { return min_; }
  Nanos max() const { return max_; }
  /// Seconds; 0 when empty.
  double min_seconds() const { return count_ == 0 ? 0 : to_seconds(min_); }
  double max_seconds() const { return count_ == 0 ? 0 : to_seconds(max_); }
  std::optional<double> mean_seconds() const;
  /// Sample standard deviation (n − 1); absent below two values.
  std::optional<double> stddev_seconds() const;
  /// The value at rank ceil(q·n) (nearest rank), as its bucket's middle clamped into [min, max]. @param q in
  /// (0, 1].
  std::optional<double> quantile_seconds(double q) const;
  /// The number of values whose bucket lies wholly above `limit`; a bucket that straddles it is split by
  /// linear interpolation. Seconds.
  double count_above(double limit_seconds) const;

  /// Buckets in ascending order of index, none empty.
  std::span<const Bucket> buckets() const;

  /// Rebuilds a histogram from its parts, as they travel. The caller has validated them (see wire.h):
  /// ascending indices below kBucketCount, counts that add up with the overflow to the count.
  static Histogram from_parts(std::vector<Bucket> buckets, std::uint64_t overflow, Nanos min, Nanos max,
                              double sum, double sum_squares);

  bool operator==(const Histogram& other) const;

 private:
  std::vector<Bucket> buckets_;  // ascending by index
  std::uint64_t count_ = 0;
  std::uint64_t overflow_ = 0;
  Nanos min_{0};
  Nanos max_{0};
  double sum_ = 0;
  double sum_squares_ = 0;
};

/// The same histogram for the hot path: a flat array of counts and a list of the buckets touched, so that
/// recording is two additions and draining costs what was touched, not the layout. Allocates at construction
/// only. Not thread-safe: it belongs to one recorder thread.
class DenseHistogram {
 public:
  DenseHistogram();
  void record(Nanos value);
  bool empty() const { return count_ == 0; }
  /// Everything recorded since the last drain, which is forgotten here.
  Histogram drain();

 private:
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> touched_;
  std::uint64_t count_ = 0;
  std::uint64_t overflow_ = 0;
  Nanos min_{0};
  Nanos max_{0};
  double sum_ = 0;
  double sum_squares_ = 0;
};

}  // namespace kneepoint
