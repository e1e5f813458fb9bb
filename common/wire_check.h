#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/clock.h"
#include "common/result.h"

/// What conversions from messages share: naming a field and refusing it.
namespace kneepoint::wire {

/// Classes of a dataset or of a workload: more than any plan may have.
inline constexpr std::size_t kMaxClasses = 4096;

/// A field's place in its message, linked towards the root; lives on the stack of the conversion.
struct Field {
  const Field* parent = nullptr;
  std::string_view name;
  int index = -1;

  std::string str() const {
    std::string path = parent == nullptr ? std::string() : parent->str();
    if (!path.empty()) path += '.';
    path += name;
    return index < 0 ? path : fmt::format("{}[{}]", path, index);
  }
};

/// Thrown inside a conversion only; `guarded` turns it into an Error.
struct Invalid {
  std::string message;
};

[[noreturn]] inline void refuse(const Field& at, std::string_view why) {
  throw Invalid{fmt::format("{}: {}", at.str(), why)};
}

template <class Convert>
auto guarded(Convert convert) -> Result<std::invoke_result_t<Convert>> {
  try {
    return convert();
  } catch (const Invalid& invalid) {
    return Error{invalid.message};
  }
}

/// No duration of a run comes near this.
inline constexpr Nanos kMaxDuration = std::chrono::hours(24 * 366);
/// Counts stay exact as doubles, and sums of many of them stay far from the end of 64 bits.
inline constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 48;

inline Nanos duration(const Field& at, std::int64_t nanos, Nanos least = Nanos(0)) {
  if (nanos < least.count()) refuse(at, fmt::format("{} ns is below {} ns", nanos, least.count()));
  if (nanos > kMaxDuration.count()) refuse(at, fmt::format("{} ns is longer than a year", nanos));
  return Nanos(nanos);
}

/// On a monotonic clock, which begins when its machine does: no machine is up for so long, and sums and
/// differences of these do not overflow.
inline constexpr Nanos kMaxInstant{std::int64_t{1} << 61};

inline MonoTime instant(const Field& at, std::int64_t nanos, Nanos least = Nanos(0)) {
  if (nanos < least.count() || nanos > kMaxInstant.count())
    refuse(at, fmt::format("{} is no instant", nanos));
  return MonoTime(Nanos(nanos));
}

inline std::uint64_t count(const Field& at, std::uint64_t value) {
  if (value > kMaxCount) refuse(at, fmt::format("{} is more than can be counted", value));
  return value;
}

/// A finite number of at least 0.
inline double amount(const Field& at, double value) {
  if (!std::isfinite(value) || value < 0)
    refuse(at, fmt::format("{} is not a finite number of at least 0", value));
  return value;
}

inline void size_at_most(const Field& at, std::size_t size, std::size_t most) {
  if (size > most) refuse(at, fmt::format("{} entries, at most {} are allowed", size, most));
}

}  // namespace kneepoint::wire
