#pragma once

#include <algorithm>
#include <vector>

#include "coordinator/results/model.h"

/// What saturation is about. Nothing but this decides whether that is tokens or requests.
namespace kneepoint::coordinator {

/// Output tokens a second; requests a second where nobody counted tokens, as of answers that are not streamed
/// and come without usage.
inline const Estimate& throughput_of(const Step& step) {
  return step.output_tokens_per_second.value ? step.output_tokens_per_second : step.requests_per_second;
}

/// Whether throughput_of is tokens in any of a result's rows.
inline bool counts_tokens(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(),
                     [](const Step& step) { return step.output_tokens_per_second.value.has_value(); });
}

/// "tok/s" or "req/s".
inline const char* throughput_unit(const std::vector<Step>& steps) {
  return counts_tokens(steps) ? "tok/s" : "req/s";
}

}  // namespace kneepoint::coordinator
