#include "agent/net/stamped_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "agent/net/receive_stamps.h"
#include "agent/net/task.h"
#include "support/scripted_server.h"

namespace kneepoint::agent {
namespace {

/// The process's socket that is connected to a port of this machine.
int socket_to(int port) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in peer{};
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port)
      return fd;
  }
  return -1;
}

Task<> read_into(ReadResult& result, StampedSocket& socket, Poller& poller) {
  co_await socket.readiness().until_writable();
  char byte = 0;
  while (result.status == ReadResult::Status::kWouldBlock) {
    co_await socket.readiness().until_readable();
    result = socket.read({&byte, 1});
  }
  poller.stop();
}

/// Reads one byte that a server sends once `before_it_is_sent` has been called.
template <class Prepare>
ReadResult read_one(Prepare before_it_is_sent) {
  Gate gate;
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    EXPECT_TRUE(gate.wait());
    peer.send("x");
    peer.wait_for_close();
  });
  ReceiveStamps stamps;
  Poller poller;
  StampedSocket socket(poller);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_TRUE(socket.connect(reinterpret_cast<sockaddr*>(&address), sizeof address));
  before_it_is_sent(server.port());
  gate.open();
  ReadResult result;
  Task<> reading = read_into(result, socket, poller);
  reading.start();
  poller.run([](Nanos, MonoTime) {});
  return result;
}

TEST(StampedSocket, WithoutAStampAReadCountsFromWhenItWasReadAndSaysSo) {
  // A kernel or a path that does not stamp, as a socket sees it: what it asked for is taken back.
  const ReadResult read = read_one([](int port) {
    const int fd = socket_to(port);
    ASSERT_GE(fd, 0);
    const int none = 0;
    ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &none, sizeof none), 0);
  });
  ASSERT_EQ(read.status, ReadResult::Status::kData);
  EXPECT_EQ(read.bytes, 1u);
  EXPECT_FALSE(read.stamped);
  EXPECT_EQ(read.received, read.processed);
}

TEST(StampedSocket, AStampIsFromBeforeTheRead) {
  // A socket of its own shows it, so that a StampedSocket that loses its stamps fails rather than skips.
  if (!ReceiveStamps().available()) GTEST_SKIP() << "this kernel gives no receive stamps";
  const ReadResult read = read_one([](int) {});
  ASSERT_EQ(read.status, ReadResult::Status::kData);
  ASSERT_TRUE(read.stamped);
  EXPECT_LE(read.received, read.processed);
}

}  // namespace
}  // namespace kneepoint::agent
