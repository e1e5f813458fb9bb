#pragma once

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Flags a step for each kind of response that ended in order, at status 200, and was no answer, with its
/// count: EMPTY_ANSWERS, UNREAD_ANSWERS, TRUNCATED_ANSWERS, ABORTED_ANSWERS, ERRORS_AT_200. The requests have
/// failed already; what they were is told here, because nothing in their status says it.
void flag_endings(Step& step);

}  // namespace kneepoint::coordinator
