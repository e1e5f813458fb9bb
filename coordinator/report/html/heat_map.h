#pragma once

#include <string>

#include "coordinator/report/matrix.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator::html {

/// A matrix as tables of points × load, the cells shaded by their figure: throughput, first token, pace.
/// Figures of which no row has one are left out. Markup.
std::string heat_maps(const Report& report, const Matrix& matrix);

}  // namespace kneepoint::coordinator::html
