#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "coordinator/init/host_probe.h"

namespace kneepoint::coordinator {

/// What a quick look at a host asks of it.
struct QuickShape {
  std::vector<std::uint32_t> steps = {1, 8, 16, 32, 64, 128};
  std::uint64_t input_tokens = 256;
  std::uint64_t output_tokens = 128;  ///< On average.
  /// Those of a chat. Where a host does not stream and nobody has asked for others, one of the whole answer.
  std::vector<std::string> slo = {"ttft_p95<500ms", "tpot_p95<50ms"};
  bool search = false;  ///< Instead of `steps`: looks for the saturation point by itself.
};

/// The lines of a scenario's `slo:`, from limits as "ttft_p95<500ms"; a metric's percentiles together.
Result<std::string> slo_text(const std::vector<std::string>& limits);

/// "1,8,32": at least one, each above the one before.
Result<std::vector<std::uint32_t>> parse_loads(const std::string& text);

/// A plan for replicas of one model, with the variables `input`, `warmup`, `hold` and `confirm` (`longest` of
/// a search), so that a quick look and the whole measurement are one file: without --set it is the
/// measurement.
/// @param hosts at least one; the plan is for the model that the first one lists first. @returns one line
/// that says what to do where the hosts do not serve it all, their context is too short, or a limit is none.
Result<std::string> quick_plan(const std::vector<HostFacts>& hosts, const std::string& name,
                               const QuickShape& shape);

/// NAME=VALUE for the variables of such a plan: about `length` of load in all.
std::vector<std::string> quick_settings(const QuickShape& shape, Nanos length);

}  // namespace kneepoint::coordinator
