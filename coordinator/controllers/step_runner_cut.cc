// How a step ends before its time: an agent is lost, the user interrupts, the target is down.
#include <algorithm>
#include <span>

#include "common/whole_seconds.h"
#include "coordinator/controllers/step_runner.h"

namespace kneepoint::coordinator {

bool StepRunner::under_way() const {
  return phase_ == Phase::kWarmUp || phase_ == Phase::kRequests ||
         ((phase_ == Phase::kHold || phase_ == Phase::kDeciding) && rows_closed_ < step_.rows);
}

bool StepRunner::cut_row(Nanos now) {
  const std::size_t whole = windows_.size();
  if (phase_ == Phase::kRequests && now >= level_.effective_at) {
    budget_finished_ = now;
    close_row(*budget_finished_);
  } else if (under_way() && (phase_ == Phase::kHold || phase_ == Phase::kDeciding)) {
    const Nanos end = std::min(floor_second(now), row_begin(rows_closed_ + 1));
    if (end > row_begin(rows_closed_)) close_row(end);
  }
  return windows_.size() > whole;
}

bool StepRunner::lose_agent(Nanos now, std::int64_t complete_through) {
  if (stopping_ || phase_ == Phase::kDone) return true;
  std::deque<PlannedStep> lost;
  const auto run_again = [&](const PlannedStep& step, std::size_t row, bool begun) {
    lost.push_back(step.from_row(row));
    if (begun) ++lost.back().reruns;
  };
  // Rows that are closed, but not measured: what is missing of them may have gone with the agent.
  std::uint64_t spoilt = 0;  // the level of the last one
  for (std::size_t i = rows_given_; i < windows_.size(); ++i) {
    StepWindow& window = windows_[i];
    if (window.agent_lost || window.end <= complete_through + 1) continue;
    window.agent_lost = true;
    if (spoilt != window.epoch) run_again(asked_[i].step, asked_[i].row, true);
    spoilt = window.epoch;
  }
  if (under_way()) {
    if (spoilt != level_.epoch) run_again(step_, rows_closed_, now >= level_.effective_at);
    if (cut_row(now)) windows_.back().agent_lost = true;
  }
  if (lost.empty()) return true;
  const bool again = std::none_of(lost.begin(), lost.end(),
                                  [](const PlannedStep& step) { return step.reruns > kMostReruns; });
  again_.insert(again_.begin(), lost.begin(), lost.end());
  phase_ = Phase::kRerun;
  return again;
}

void StepRunner::interrupt(Nanos now) {
  if (stopping_ || phase_ == Phase::kDrain || phase_ == Phase::kDone) return;
  stopping_ = true;
  if (cut_row(now)) windows_.back().interrupted = true;
  // One that was closed ahead of its end does not come to it.
  for (StepWindow& window : std::span(windows_).subspan(rows_given_)) {
    if (window.requests || std::chrono::seconds(window.end) <= now) continue;
    window.end = std::max(window.begin + 1, second_of(now));
    window.grain = 1;  // what it was need not divide what is left
    window.interrupted = true;
  }
  // The fleet is drained by its owner: no level is left to send.
  phase_ = Phase::kDrain;
}

LoadLevel StepRunner::give_up(Nanos now, std::string why) {
  interrupt(now);
  cut_short_ = std::move(why);
  decisions_.push_back({.rows = windows_.size(),
                        .elapsed = now - started_at_,
                        .ended = true,
                        .cut_short = cut_short_,
                        .given_up = true});
  return new_level(ceil_second(now + kLead));
}

}  // namespace kneepoint::coordinator
