#pragma once

#include "common/result.h"

namespace kneepoint {

/// Raises the soft limit of open files to the hard one: every stream is a descriptor, and the 1,024 that
/// shells set would be the first thing to give out. @returns false where the system refuses.
bool raise_descriptor_limit();

/// Whether as many files may be open as a process needs that loads next to nothing: with fewer gRPC aborts
/// it.
Result<void> check_descriptor_limit();

}  // namespace kneepoint
