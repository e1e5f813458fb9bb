#pragma once

#include "common/second_stats.h"

namespace kneepoint::agent {

/// What the kernel has counted of a TCP connection since it was opened (TCP_INFO). One system call. A kernel
/// that does not count something leaves it 0; all are 0 where `fd` is no TCP socket.
SegmentCounts tcp_counts(int fd);

}  // namespace kneepoint::agent
