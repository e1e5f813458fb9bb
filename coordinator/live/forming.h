#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/plan.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The verdict as it forms: what the rows so far say, decided again after every row, by a thread of its own,
/// so that no decision of the run waits for it. What needs the whole run (bottleneck, confirmation, trust) is
/// left to the report.
class Forming {
 public:
  /// @param told gets a report of the rows so far, on that thread.
  Forming(const Plan& plan, const std::vector<Cell>& cells, Report head,
          std::function<void(const Report&)> told);

  void add(std::uint32_t cell, const Step& step);

 private:
  void work(const std::stop_token& stop);

  std::vector<std::vector<SloLimit>> limits_;  // by cell
  Report report_;                              // by cell; the thread's
  std::function<void(const Report&)> told_;
  std::mutex mutex_;
  std::condition_variable_any came_;
  std::vector<std::pair<std::uint32_t, Step>> rows_;  // that the thread has not seen
  std::jthread thread_;                               // last: it uses the others
};

/// What the rows of a result say by themselves: its saturation point, its limits and the states of its rows.
void decide_so_far(ScenarioResult& result, const std::vector<SloLimit>& limits);

}  // namespace kneepoint::coordinator
