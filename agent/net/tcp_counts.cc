#include "agent/net/tcp_counts.h"

// Not <netinet/tcp.h>, whose tcp_info is that of an old kernel: the two cannot stand in one file.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace kneepoint::agent {

SegmentCounts tcp_counts(int fd) {
  tcp_info info{};  // a kernel that knows less fills less
  socklen_t size = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return {};
  return {.sent = info.tcpi_data_segs_out,
          .retransmitted = info.tcpi_total_retrans,
          .received = info.tcpi_data_segs_in,
          .out_of_order = info.tcpi_rcv_ooopack};
}

}  // namespace kneepoint::agent
