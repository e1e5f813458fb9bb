// What a step runner makes of the decisions of a coordinator before this one.

#include <algorithm>

#include "common/whole_seconds.h"
#include "coordinator/controllers/step_runner.h"
#include "coordinator/words/endings.h"

namespace kneepoint::coordinator {
Result<void> StepRunner::replay(std::span<const Decision> decisions, std::span<const StepWindow> windows,
                                std::span<const Step> rows) {
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    const Decision& decision = decisions[i];
    std::optional<PlannedStep> step;
    if (!decision.again) {
      step = schedule_->next(time_frame(decision.elapsed, decision.cycle));
    } else if (const auto found =
                   std::find_if(again_.begin(), again_.end(),
                                [&](const PlannedStep& left) { return left.load() == decision.load; });
               found != again_.end()) {
      step = std::move(*found);
      again_.erase(found);
    }
    if (decision.ended) {
      cut_short_ = decision.cut_short;
      decisions_.push_back(decision);
      if (i + 1 < decisions.size()) continue;  // a loss that was known late only: the row was run again
      phase_ = cut_short_.empty() && !again_.empty() ? Phase::kPending : Phase::kDone;
      return {};
    }
    if (!step || step->load() != decision.load || decision.rows != windows_.size()) {
      return Error{words::not_decided_for_again(decision.load)};
    }
    decisions_.push_back(decision);
    elapsed_before_ = decision.elapsed;
    const bool last = i + 1 == decisions.size();
    const std::size_t end =
        std::min(windows.size(), last ? decision.rows + step->rows : decisions[i + 1].rows);
    for (std::size_t row = windows_.size(); row < end; ++row) {
      windows_.push_back(windows[row]);
      asked_.push_back({*step, row - decision.rows});
      measured(row, rows[row]);
    }
    std::size_t whole = 0;  // rows that stand
    while (decision.rows + whole < windows_.size() && !windows_[decision.rows + whole].agent_lost) ++whole;
    if (whole < step->rows) {
      // It lost an agent and was run again, or it is what was under way.
      again_.push_back(step->from_row(whole));
      if (last && windows_.size() == decision.rows + whole) {
        left_ = true;
        std::rotate(again_.begin(), again_.end() - 1, again_.end());
      } else {
        ++again_.back().reruns;
      }
    } else {
      elapsed_before_ += std::chrono::seconds(windows_.back().end) - windows[decision.rows].level_at;
    }
  }
  return {};
}

}  // namespace kneepoint::coordinator
