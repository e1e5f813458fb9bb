#include "agent/net/stamped_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "agent/net/receive_stamps.h"

namespace kneepoint::agent {

bool StampedSocket::connect(const sockaddr* address, unsigned length) {
  close();
  fd_ = ::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd_ < 0) return false;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  request_receive_stamps(fd_);
  const int started = ::connect(fd_, address, length);
  if ((started != 0 && errno != EINPROGRESS) || !poller_.watch(fd_, readiness_)) {
    close();
    return false;
  }
  return true;
}

int StampedSocket::connect_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

ReadResult StampedSocket::read(std::span<char> buffer) {
  ReadResult result;
  if (!readiness_.readable) return result;
  iovec piece{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) char control[kStampControlBytes];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(fd_, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    readiness_.readable = false;
    return result;
  }
  result.processed = result.received = mono_now();
  if (got <= 0) {
    result.status = got == 0 ? ReadResult::Status::kEnd : ReadResult::Status::kError;
    return result;
  }
  result.status = ReadResult::Status::kData;
  result.bytes = static_cast<std::size_t>(got);
  // After a hang-up there is more to learn even when this read fell short: the end itself.
  if (result.bytes < buffer.size() && !readiness_.hung_up) readiness_.readable = false;
  if (const Nanos stamp = receive_stamp(message); stamp.count() != 0) {
    result.stamped = true;
    result.received = MonoTime(stamp - poller_.real_minus_mono());
    // The two clocks are read a moment apart: never let the conversion put a receipt after its reading.
    if (result.received > result.processed) result.received = result.processed;
  }
  return result;
}

std::ptrdiff_t StampedSocket::write(std::string_view data) {
  ssize_t sent;
  do {
    sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    if (static_cast<std::size_t>(sent) < data.size()) readiness_.writable = false;
    return sent;
  }
  if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
  readiness_.writable = false;
  return 0;
}

void StampedSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  readiness_.readable = readiness_.writable = readiness_.hung_up = false;
}

}  // namespace kneepoint::agent
