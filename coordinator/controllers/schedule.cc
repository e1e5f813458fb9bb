#include "coordinator/controllers/schedule.h"

#include <cmath>

namespace kneepoint::coordinator {

PlannedStep PlannedStep::from_row(std::size_t first) const {
  PlannedStep rest = *this;
  if (first == 0) return rest;
  const Nanos past = row * static_cast<Nanos::rep>(first);
  rest.rows -= first;
  rest.window.least -= past;
  rest.window.most -= past;
  if (!way) return rest;
  rest.row_loads.erase(rest.row_loads.begin(), rest.row_loads.begin() + static_cast<std::ptrdiff_t>(first));
  rest.way->from = way->at(past);
  rest.way->over -= past;
  if (rest.arrivals) {
    rest.arrivals->rate = rest.way->from;
  } else {
    // Whole slots, and a way is somewhere to go.
    rest.way->from = std::round(rest.way->from);
    rest.concurrency = static_cast<std::uint32_t>(rest.way->from);
    if (rest.way->from == rest.way->to) rest.way.reset();
  }
  return rest;
}

}  // namespace kneepoint::coordinator
