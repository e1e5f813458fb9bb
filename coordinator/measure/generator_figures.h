#pragma once

#include "coordinator/measure/token_count.h"
#include "coordinator/measure/window_cut.h"
#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// The generator's own error in a window.
GeneratorSummary generator_of(const WindowCut& cut, const ChunkRate& tokens);

}  // namespace kneepoint::coordinator
