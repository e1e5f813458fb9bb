#pragma once

#include <string>

#include "common/plan.h"

namespace kneepoint {

/// One target where nobody listens, and one cell with one prompt.
inline Assignment small_assignment(const std::string& run_id, MonoTime zero = {}) {
  Assignment assignment{.run_id = run_id, .zero = zero};
  assignment.targets.push_back({.name = "host", .urls = {"http://127.0.0.1:1"}});
  Cell cell;
  cell.workload.classes.push_back({"default", {"prompt"}, 1});
  assignment.cells.push_back(cell);
  return assignment;
}

}  // namespace kneepoint
