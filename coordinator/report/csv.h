#pragma once

#include <string>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// steps.csv: one row a step, one header; every column's unit is in its name, and columns are only ever
/// appended. RFC 4180 quoting; an empty cell is a figure that could not be measured.
std::string render_csv(const Report& report);

}  // namespace kneepoint::coordinator
