#include "coordinator/measure/slowest.h"

#include "common/request_id.h"

namespace kneepoint::coordinator {

std::vector<SlowRequest> slowest_in(const Timeline& timeline, const StepWindow& window,
                                    std::string_view run_id) {
  std::vector<RequestRow> rows;
  const auto& seconds = timeline.seconds();
  for (auto at = seconds.lower_bound(window.begin); at != seconds.end() && at->first < window.end; ++at) {
    for (const RequestRow& row : at->second.rows) {
      if (row.key.cell == window.cell && (!window.requests || row.key.epoch == window.epoch))
        rows.push_back(row);
    }
  }
  keep_slowest(rows);
  std::vector<SlowRequest> slowest;
  for (const RequestRow& row : rows) {
    slowest.push_back({.request_id = request_id(run_id, row.key.cell, row.key.epoch, row.slot, row.k),
                       .ttft_seconds = to_seconds(*row.first - row.sent),
                       .sent_at_seconds = to_seconds(row.sent)});
  }
  return slowest;
}

}  // namespace kneepoint::coordinator
