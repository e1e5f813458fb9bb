#include "coordinator/live/stop_request.h"

#include <fmt/format.h>

#include "common/clock.h"
#include "coordinator/report/html/figures.h"
#include "coordinator/results/stopped_by.h"

namespace kneepoint::coordinator {

HttpResponse StopRequest::ask(const HttpRequest& request) {
  const auto runs = query_values(request.query, "run");
  if (runs.size() != 1 || runs.front() != run_id_)
    return refusal(409, fmt::format("the run here is {}: ask with /stop?run={}", run_id_, run_id_));
  const std::lock_guard lock(mutex_);
  if (reason_.empty())
    reason_ =
        fmt::format("{} ({}, {})", kStoppedByUser, request.peer, html::utc_text(SystemClock().real_now()));
  asked_ = true;
  return {.status = 202, .body = "the run ends once running requests have\n"};
}

std::string StopRequest::reason() const {
  if (!asked_) return {};
  const std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace kneepoint::coordinator
