// What a step runner makes of the decisions of a coordinator before this one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/whole_seconds.h"
#include "coordinator/controllers/step_runner.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// What is left of a step of which so many rows are closed.
PlannedStep rest_of(PlannedStep step, std::size_t closed) {
  if (closed == 0) return step;
  const Nanos gone = step.row * static_cast<Nanos::rep>(closed);
  step.rows -= closed;
  step.window.least = std::max(Nanos(0), step.window.least - gone);
  step.window.most = std::max(Nanos(0), step.window.most - gone);
  if (step.way) {
    step.way->from = step.way->at(gone);
    step.way->over -= gone;
    step.row_loads.erase(step.row_loads.begin(),
                         step.row_loads.begin() + static_cast<std::ptrdiff_t>(closed));
    if (step.arrivals) {
      step.arrivals->rate = step.way->from;
    } else {
      step.concurrency = static_cast<std::uint32_t>(std::lround(step.way->from));
    }
  }
  return step;
}

}  // namespace

Result<void> StepRunner::replay(std::span<const Decision> decisions, std::span<const StepWindow> windows,
                                std::span<const Step> rows) {
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const Decision& decision = decisions[i];
    const auto step = schedule_->next(time_frame(decision.elapsed, decision.cycle));
    if (decision.ended) {
      cut_short_ = decision.cut_short;
      decisions_.push_back(decision);
      phase_ = Phase::kDone;
      return {};
    }
    if (!step || step->load() != decision.load || decision.rows != windows_.size()) {
      return Error{
          fmt::format("the step at {} would not be decided for again", format_figure(decision.load))};
    }
    decisions_.push_back(decision);
    elapsed_before_ = decision.elapsed;
    const bool last = i + 1 == decisions.size();
    const std::size_t end =
        std::min(windows.size(), last ? decision.rows + step->rows : decisions[i + 1].rows);
    for (std::size_t row = windows_.size(); row < end; ++row) {
      windows_.push_back(windows[row]);
      asked_.push_back(*step);
      measured(row, rows[row]);
    }
    const std::size_t closed = windows_.size() - decision.rows;
    if (closed < step->rows) {
      if (last) again_ = rest_of(*step, closed);
      if (!last && !decisions[i + 1].ended) return Error{"a step was followed by another before it was over"};
    } else {
      elapsed_before_ += std::chrono::seconds(windows_.back().end) - windows[decision.rows].level_at;
    }
  }
  return {};
}

}  // namespace kneepoint::coordinator
