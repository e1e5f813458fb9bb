#include <netdb.h>

#include <atomic>
#include <stdexcept>

#include "agent/net/connection.h"
#include "engine_fixture.h"

namespace kneepoint::agent {
namespace {

using std::chrono::seconds;

class Addresses : public EngineTest {};

TEST_F(Addresses, AnIpv6TargetIsReached) {
  std::unique_ptr<ScriptedServer> server;
  try {
    server = std::make_unique<ScriptedServer>(ScriptedServer::Ipv6(), always(answer(2)));
  } catch (const std::runtime_error&) {
    GTEST_SKIP() << "this machine has no IPv6 on loopback";
  }
  target().urls = {server->url()};
  EXPECT_EQ(run(3).completed(), 3u);
  EXPECT_EQ(server->connections(), 1);
  const std::string host = "Host: [::1]:" + std::to_string(server->port()) + "\r\n";
  EXPECT_NE(server->requests().at(0).find(host), std::string::npos) << server->requests().at(0);
}

/// "none.example" has no address; any other name has a dead one on IPv6 and on IPv4, then a living one.
std::atomic<int> look_ups{0};
std::atomic<MonoTime> found_at{};
std::vector<Address> several_addresses(const Endpoint& endpoint) {
  ++look_ups;
  std::vector<Address> addresses;
  if (endpoint.host == "none.example") return addresses;
  for (const char* host : {"::1", "127.0.0.2", "127.0.0.1"}) {
    const auto found = numeric_address({.host = host, .port = endpoint.port});
    addresses.insert(addresses.end(), found.begin(), found.end());
  }
  found_at = mono_now();
  return addresses;
}

/// "pods.example" has two IPv4 addresses and two of IPv6, in that order.
std::vector<Address> two_of_each_family(const Endpoint& endpoint) {
  std::vector<Address> addresses;
  for (const char* host : {"127.0.0.1", "127.0.0.2", "::1", "::2"}) {
    const auto found = numeric_address({.host = host, .port = endpoint.port});
    addresses.insert(addresses.end(), found.begin(), found.end());
  }
  return addresses;
}

std::string text_of(const Address& address) {
  char text[64] = {};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address.storage), address.length, text, sizeof text, nullptr,
              0, NI_NUMERICHOST);
  return text;
}

/// The orders in which `connections` of one thread try the addresses of "pods.example".
std::vector<std::vector<std::string>> orders(std::size_t connections, std::size_t first_turn) {
  Poller poller;
  Resolver resolver(poller, &two_of_each_family, first_turn);
  Sleeper sleeper(poller.timers());
  const Endpoint endpoint = *parse_endpoint("http://pods.example:1");
  std::vector<std::vector<std::string>> orders(connections);
  const auto ask = [&]() -> Task<void> {
    for (auto& order : orders) {
      const auto addresses = co_await resolver.addresses(endpoint, sleeper, mono_now() + seconds(10));
      for (const Address& address : addresses) order.push_back(text_of(address));
    }
    poller.stop();
  };
  Task<void> task = ask();
  task.start();
  poller.run([](Nanos, MonoTime) {});
  return orders;
}

/// Opens a connection on a poller of its own.
struct Opening {
  Outcome outcome = Outcome::kCancelled;
  Nanos connect_time{0};
  MonoTime ended{};
};
Opening open(const std::string& url) {
  Poller poller;
  Resolver resolver(poller, &several_addresses);
  ThreadBuffers buffers;
  Connection connection(poller, resolver, buffers);
  Sleeper sleeper(poller.timers());
  const Peer peer{.endpoint = *parse_endpoint(url), .connect_timeout = seconds(10)};
  Opening opening;
  const auto attempt = [&]() -> Task<void> {
    opening.outcome = co_await connection.open(peer, sleeper);
    opening.ended = mono_now();
    opening.connect_time = connection.connect_time();
    poller.stop();
  };
  Task<void> task = attempt();
  task.start();
  poller.run([](Nanos, MonoTime) {});
  return opening;
}

TEST_F(Addresses, EveryAddressOfANameIsTried) {
  ScriptedServer server(always(answer(1)));
  EXPECT_EQ(open("http://several.example:" + std::to_string(server.port())).outcome, Outcome::kSuccess);
}

TEST_F(Addresses, ThePreferredFamilysTakeTurnsAtBeingFirst) {
  using Order = std::vector<std::string>;
  const Order one_first = {"127.0.0.1", "127.0.0.2", "::1", "::2"};
  const Order two_first = {"127.0.0.2", "127.0.0.1", "::1", "::2"};
  EXPECT_EQ(orders(3, 0), (std::vector<Order>{one_first, two_first, one_first}));
  EXPECT_EQ(orders(3, 1), (std::vector<Order>{two_first, one_first, two_first})) << "the next thread";
}

TEST_F(Addresses, LookingUpIsNoPartOfConnecting) {
  ScriptedServer server(always(answer(1)));
  const Opening opening = open("http://several.example:" + std::to_string(server.port()));
  EXPECT_GT(opening.connect_time, Nanos(0));
  EXPECT_LE(opening.connect_time, opening.ended - found_at.load()) << "counts from the addresses";
}

TEST_F(Addresses, ANameWithoutALivingAddressFailsToConnect) {
  int port = 0;
  {
    const ScriptedServer gone(always(answer(1)));
    port = gone.port();
  }
  EXPECT_EQ(open("http://several.example:" + std::to_string(port)).outcome, Outcome::kConnect);
}

TEST_F(Addresses, ANameWithoutAddressesIsADnsFailure) {
  look_ups = 0;
  EXPECT_EQ(open("http://none.example:1").outcome, Outcome::kDns);
  EXPECT_EQ(look_ups, 1);
}

}  // namespace
}  // namespace kneepoint::agent
