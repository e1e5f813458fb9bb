#include "agent/net/receive_stamps.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "agent/net/poller.h"

namespace kneepoint::agent {
namespace {

static_assert(kStampControlBytes >= CMSG_SPACE(sizeof(scm_timestamping)));

/// A UDP socket whose peer is itself; −1 when there is no loopback.
int loopback_to_itself() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (fd >= 0 && bind(fd, any, length) == 0 && getsockname(fd, any, &length) == 0 &&
      connect(fd, any, length) == 0) {
    return fd;
  }
  if (fd >= 0) ::close(fd);
  return -1;
}

/// Sends a datagram and says whether it came back with a stamp.
bool arrives_stamped(int fd) {
  constexpr int kWaitMilliseconds = 10;
  char byte = 0;
  if (::send(fd, &byte, 1, 0) != 1) return false;
  pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
  if (poll(&readable, 1, kWaitMilliseconds) != 1) return false;
  iovec piece{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) char control[kStampControlBytes];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  return recvmsg(fd, &message, 0) == 1 && receive_stamp(message).count() != 0;
}

}  // namespace

ReceiveStamps::ReceiveStamps(Nanos patience) : fd_(loopback_to_itself()) {
  if (fd_ < 0) return;
  request_receive_stamps(fd_);
  const MonoTime give_up = mono_now() + patience;
  while (!(available_ = arrives_stamped(fd_)) && mono_now() < give_up) {
    poll(nullptr, 0, 1);  // the switch is thrown by a kernel worker, which needs a core
  }
}

ReceiveStamps::~ReceiveStamps() {
  if (fd_ >= 0) ::close(fd_);
}

Nanos receive_stamp(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPING) continue;
    scm_timestamping stamps;
    std::memcpy(&stamps, CMSG_DATA(part), sizeof stamps);
    return std::chrono::seconds(stamps.ts[0].tv_sec) + Nanos(stamps.ts[0].tv_nsec);
  }
  return Nanos(0);
}

void request_receive_stamps(int fd) {
  const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps);
}

}  // namespace kneepoint::agent
