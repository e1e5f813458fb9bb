#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// The same concurrency measured again, under other circumstances: with other agents, or on the way down.
namespace kneepoint::coordinator {

/// How a row differs from an earlier one of the same concurrency, relative: 0.1 is 10 % more. Errors are half
/// widths of 95 % intervals, infinite where a row has too few requests for one.
struct RowChange {
  double throughput = 0, throughput_error = 0;
  std::optional<double> ttft;  ///< Of the p50.
  double ttft_error = 0;

  /// Throughput differs by more than 5 %, or TTFT p50 by more than 25 %, and by more than chance.
  bool matters() const;
  /// "throughput -0.3 %, TTFT p50 +1.2 %"
  std::string text() const;
};

/// Absent where one of the rows is invalid or has no throughput.
std::optional<RowChange> row_change(const Step& before, const Step& again);

/// The flag of a row that later ones have refuted (verdict/supersede.h): it is no reference, and on no curve.
inline constexpr const char* kSuperseded = "SUPERSEDED";
/// Whether a row is valid, and not refuted by later ones.
inline bool stands(const Step& step) {
  return step.valid && !step.has_flag(kSuperseded);
}

/// The valid row at `load` (Step::load()) that was measured longest, the last of these; null where there is
/// none.
const Step* reference_row(const std::vector<Step>& steps, double load);

}  // namespace kneepoint::coordinator
