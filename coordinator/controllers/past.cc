#include "coordinator/controllers/past.h"

#include <algorithm>

namespace kneepoint::coordinator {

void trim(RunPast& past) {
  auto& [timeline, windows, rows, decisions] = past;
  const auto leave_out_ahead = [&] {
    const auto ahead = std::find_if(decisions.begin(), decisions.end(),
                                    [&](const Decision& decision) { return decision.rows > windows.size(); });
    decisions.erase(ahead, decisions.end());
  };
  leave_out_ahead();
  const bool ended = !decisions.empty() && decisions.back().ended;
  // Also one behind which the next step had been decided for: it was to end a moment later.
  while (!ended && !windows.empty() && windows.back().interrupted) windows.pop_back();
  leave_out_ahead();
  const std::size_t closed = decisions.empty() ? 0 : decisions.back().rows;
  while (!ended && windows.size() > closed && (windows.back().interrupted || windows.back().agent_lost))
    windows.pop_back();
  rows.resize(windows.size());
}

}  // namespace kneepoint::coordinator
