#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kneepoint::coordinator {

/// One line of an exposition: a series and its value now.
struct MetricSample {
  std::string name;  ///< With its suffix: `…_total`, `…_sum`, `…_bucket`.
  std::vector<std::pair<std::string, std::string>> labels;  ///< Unescaped, in the order of the text.
  double value = 0;                                         ///< May be NaN or infinite.

  /// The value of label `key`; empty where it is absent, as Prometheus has it.
  std::string_view label(std::string_view key) const;
};

/// What bounds the work and the memory that a hostile or broken exposition can cost.
struct ExpositionLimits {
  std::size_t bytes = 16 * 1024 * 1024;  ///< Text past this is not read.
  std::size_t line_bytes = 64 * 1024;    ///< Longer lines are malformed.
  std::size_t samples = 20'000;          ///< Kept samples.
  std::size_t labels = 64;               ///< Of one sample.
};

struct Exposition {
  std::vector<MetricSample> samples;
  std::size_t malformed = 0;  ///< Lines of wanted names that could not be read.
  bool truncated = false;     ///< A limit cut it short.
};

/// Reads the Prometheus text format 0.0.4 and OpenMetrics 1.0: escapes in labels, quoted UTF-8 names,
/// timestamps and exemplars (read over), comments and types (skipped), CRLF. Only samples whose name `wanted`
/// accepts are parsed; all other lines cost one search for their end. Malformed lines are counted and left
/// out; nothing throws but std::bad_alloc.
/// @param wanted called with each line's metric name.
Exposition parse_exposition(std::string_view text, const std::function<bool(std::string_view)>& wanted,
                            const ExpositionLimits& limits = {});

}  // namespace kneepoint::coordinator
