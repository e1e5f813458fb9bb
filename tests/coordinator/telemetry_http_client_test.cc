#include "coordinator/telemetry/http_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

boost::asio::awaitable<void> keep(HttpClient& client, std::string url,
                                  std::optional<Result<HttpReply>>& reply) {
  reply.emplace(co_await client.get(std::move(url)));
}

/// @param io of all requests of `client`, whose connection belongs to it.
Result<HttpReply> get(boost::asio::io_context& io, HttpClient& client, const std::string& url) {
  std::optional<Result<HttpReply>> reply;
  io.restart();
  boost::asio::co_spawn(io, keep(client, url, reply), boost::asio::detached);
  io.run();
  return reply ? *std::move(reply) : Error{"it never ended"};
}

/// A name server that says nothing until the gate is open. Threads that wait at it outlive a test.
struct Silent {
  Gate gate;
  std::atomic<int> asked = 0, left = 0;

  /// A look-up's thread is detached: one that still ran at the process's end would meet what is gone by then.
  void wait_until_its_asker_left() const {
    while (left == 0) std::this_thread::yield();
  }
};
std::shared_ptr<Silent> name_server;

/// Goes with the thread that asked, after all that the thread held.
struct Leaving {
  std::shared_ptr<Silent> server;
  ~Leaving() {
    if (server) ++server->left;
  }
};

HostLookUp::Addresses hang(const std::string&, const std::string& port) {
  thread_local Leaving leaving;
  const std::shared_ptr<Silent> server = leaving.server = name_server;
  ++server->asked;
  server->gate.wait();
  return HostLookUp::find("127.0.0.1", port);
}

TEST(HttpClient, ALookUpThatHangsEndsInTimeAndServesTheNextRequest) {
  name_server = std::make_shared<Silent>();
  ScriptedServer server([](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  });
  const std::string url = "http://engine.example:" + std::to_string(server.port()) + "/metrics";
  boost::asio::io_context io;
  HttpClient client({}, {}, {.connect = 20ms, .total = 10s}, "", &hang);
  for (int i = 0; i < 3; ++i) {
    const auto reply = get(io, client, url);
    ASSERT_FALSE(reply);
    EXPECT_THAT(reply.error().message, HasSubstr("the look-up of its name gave no answer in time"));
  }
  EXPECT_EQ(name_server->asked, 1) << "one that is under way is not begun again";
  name_server->gate.open();
  name_server->wait_until_its_asker_left();
  const auto reply = get(io, client, url);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "hi");
  EXPECT_EQ(name_server->asked, 1);
}

TEST(HttpClient, AClientMayGoWhileItsLookUpHangs) {
  name_server = std::make_shared<Silent>();
  {
    boost::asio::io_context io;
    HttpClient client({}, {}, {}, "", &hang);
    std::optional<Result<HttpReply>> reply;
    boost::asio::co_spawn(io, keep(client, "http://engine.example/", reply), boost::asio::detached);
    io.poll();
    EXPECT_FALSE(reply);
  }
  name_server->gate.open();
  name_server->wait_until_its_asker_left();
}

TEST(HttpClient, ANameThatDoesNotExistIsSaid) {
  boost::asio::io_context io;
  HttpClient client({}, {}, {}, "", [](const std::string&, const std::string&) -> HostLookUp::Addresses {
    throw boost::system::system_error(boost::asio::error::host_not_found);
  });
  const auto reply = get(io, client, "http://engine.example/");
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, testing::StartsWith("engine.example: Host not found"));
}

}  // namespace
}  // namespace kneepoint::coordinator
