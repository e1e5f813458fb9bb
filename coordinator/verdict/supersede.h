#pragma once

#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Drops what later rows have refuted: flags it SUPERSEDED, with the reason, and no curve holds it any more.
///
///   - a row that was valid until the target turned requests away at the same load, or that gave more than
///   the
///     target admits where it turns requests away: a burst allowance that is spent;
///   - a row in which throughput moved within the window, where the load was measured again and it did not;
///   - what an interval came from that was contradicted by its confirmation, where the curve was measured
///   again;
///   - everything before the host changed for good, as repeats on either side of the change surely show
///     (likelihood ratio, with the rows' known errors).
///
/// Idempotent. Returns whether the host has newly turned out to be another than it was: of the curve little
/// is left then.
bool mark_superseded(std::vector<Step>& steps);

}  // namespace kneepoint::coordinator
