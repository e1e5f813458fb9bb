#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

namespace kneepoint {

/// How a quantity varies from request to request: lengths in tokens, turns, think times in seconds. A plain
/// number is a distribution, too, and converts to one.
struct Distribution {
  enum class Kind : std::uint8_t { kFixed, kUniform, kNormal, kLogNormal, kEmpirical };

  Distribution() = default;
  template <class Number>
  requires std::is_arithmetic_v<Number> Distribution(Number value)
      : mean(static_cast<double>(value)), min(mean), max(mean) {}

  Kind kind = Kind::kFixed;
  double mean = 0;    ///< The value of kFixed; of the values themselves for kNormal and kLogNormal.
  double stddev = 0;  ///< Likewise.
  double min = 0;     ///< The bounds of kUniform, inclusive; kNormal and kLogNormal are clipped to them.
  double max = 0;
  std::vector<double> values;   ///< Of kEmpirical; at least one.
  std::vector<double> weights;  ///< One for each value, none negative, one above 0; empty: all equal.

  bool fixed() const { return kind == Kind::kFixed; }
  /// The value for 64 random bits; the same bits give the same value.
  double sample(std::uint64_t random) const;
  /// The same as a whole number of at least `least`; kUniform gives each whole number the same chance.
  std::uint32_t sample_whole(std::uint64_t random, std::uint32_t least) const;
  /// The mean of the values, clipping left out.
  double expected() const;
  /// No sample is larger.
  double largest() const;

  bool operator==(const Distribution&) const = default;
};

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit moves every output bit.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// [0, 1) of 64 random bits.
constexpr double unit_interval(std::uint64_t random) {
  return static_cast<double>(random >> 11) * 0x1.0p-53;
}

}  // namespace kneepoint
