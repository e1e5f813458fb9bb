#include "common/serve/http_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio.hpp>
#include <future>
#include <thread>

#include "tests/support/http_test_client.h"

namespace kneepoint {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

constexpr auto kFar = std::chrono::seconds(60);

HttpResponse plain(std::string body) {
  HttpResponse response;
  response.body = std::move(body);
  return response;
}

ListenAddress any_port(std::string host = "127.0.0.1") {
  return {std::move(host), 0, true};
}

using Client = HttpTestClient;

std::unique_ptr<HttpServer> serve(HttpServer::Routes routes, HttpServer::Options options = {}) {
  auto server = HttpServer::start(any_port(), std::move(routes), std::move(options));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

std::unique_ptr<HttpServer> serve_metrics(HttpServer::Options options = {}) {
  return serve({{"/metrics", [](const HttpRequest&) { return plain("up 1\n"); }}}, std::move(options));
}

TEST(HttpServer, ServesRoutesByPathAndIgnoresTheQuery) {
  const auto server = serve({{"/metrics", [](const HttpRequest&) { return plain("up 1\n"); }},
                             {"/echo", [](const HttpRequest& request) { return plain(request.query); }}});
  Client client(*server);
  const std::string answer = client.get("/metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nup 1\n"));
  EXPECT_TRUE(client.get("/echo?a=1&b=%20").ends_with("\r\n\r\na=1&b=%20"));
  const std::string missing = client.get("/nothing");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(missing, HasSubstr("/echo /metrics"));
}

TEST(HttpServer, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  const auto server = serve({{"/a", [](const HttpRequest&) { return plain("first"); }},
                             {"/b", [](const HttpRequest&) { return plain("second"); }}});
  Client client(*server);
  client.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\nGET /b HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(client.receive().ends_with("first"));
  EXPECT_TRUE(client.receive().ends_with("second"));
  client.send("GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.receive_all().ends_with("first"));
}

TEST(HttpServer, AnswersHeadWithoutBodyAndWithoutCountingAScrape) {
  const auto server = serve_metrics();
  Client client(*server);
  client.send("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string head = client.receive(true);
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_TRUE(client.get("/metrics").starts_with("HTTP/1.1 200"));  // no body was left in between
  EXPECT_TRUE(server->wait_scraped(0, MonoTime::min()));
  server->stop();
  EXPECT_EQ(server->scrapes(), 1u);
}

TEST(HttpServer, RefusesWhatIsNotAPlainGet) {
  HttpServer::Options options;
  options.header_limit = 1024;
  const auto server = serve_metrics(options);
  struct Case {
    std::string request;
    const char* answer;
  };
  const Case cases[] = {
      {"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 "},
      {"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405 "},
      {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 400 "},
      {"GET /metrics HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 400 "},
      {"\x16\x03\x01\x02\r\n\r\n", "HTTP/1.1 400 "},
      {"GET /metrics HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"GET /" + std::string(2000, 'x') + " HTTP/1.1\r\n\r\n", "HTTP/1.1 431 "},
  };
  for (const Case& c : cases) {
    Client client(*server);
    client.send(c.request);
    const std::string answer = client.receive();
    EXPECT_THAT(answer, StartsWith(c.answer)) << c.request.substr(0, 60);
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_TRUE(client.closed_by_server());
  }
  EXPECT_THAT(Client(*server).get("/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServer, TurnsAnExceptionInto500) {
  const auto server = serve(
      {{"/metrics", [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("no figures"); }}});
  EXPECT_THAT(Client(*server).get("/metrics"), StartsWith("HTTP/1.1 500 "));
  server->stop();
  EXPECT_EQ(server->scrapes(), 0u);
}

TEST(HttpServer, ServesManyClientsAtOnceAndCountsTheirScrapes) {
  const auto server = serve_metrics();
  constexpr int kClients = 16;
  constexpr int kRequests = 20;
  std::atomic<int> good = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      Client client(*server);
      for (int k = 0; k < kRequests; ++k) good += client.get("/metrics").ends_with("up 1\n");
    });
  }
  threads.clear();
  EXPECT_EQ(good, kClients * kRequests);
  server->stop();
  EXPECT_EQ(server->scrapes(), std::uint64_t{kClients * kRequests});
}

TEST(HttpServer, ASlowClientIsDroppedAndHoldsNobodyUp) {
  HttpServer::Options options;
  options.header_timeout = 50ms;
  const auto server = serve_metrics(options);
  Client slow(*server);
  slow.send("GET /met");
  EXPECT_THAT(Client(*server).get("/metrics"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(slow.closed_by_server());
}

TEST(HttpServer, AnIdleConnectionIsClosed) {
  HttpServer::Options options;
  options.idle_timeout = 50ms;
  const auto server = serve_metrics(options);
  Client idle(*server);
  idle.get("/metrics");
  EXPECT_TRUE(idle.closed_by_server());
}

TEST(HttpServer, ARequestMayArriveByteByByte) {
  const auto server = serve_metrics();
  Client client(*server);
  for (const char byte : std::string("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"))
    client.send({&byte, 1});
  EXPECT_TRUE(client.receive().ends_with("up 1\n"));
}

TEST(HttpServer, ClosesConnectionsBeyondTheLimit) {
  HttpServer::Options options;
  options.max_connections = 1;
  const auto server = serve_metrics(options);
  Client first(*server);
  first.get("/metrics");
  Client second(*server);
  EXPECT_TRUE(second.closed_by_server());
  EXPECT_THAT(first.get("/metrics"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServer, StopLetsAnAnswerFinish) {
  std::promise<void> entered, release;
  auto released = release.get_future();
  const auto server = serve({{"/slow", [&](const HttpRequest&) {
                                entered.set_value();
                                released.wait();
                                return plain("done");
                              }}});
  Client idle(*server);
  Client busy(*server);
  busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n");
  entered.get_future().wait();
  std::jthread stopping([&] { server->stop(); });
  release.set_value();
  EXPECT_TRUE(busy.receive_all().ends_with("done"));
  EXPECT_TRUE(idle.closed_by_server());
  stopping.join();
  EXPECT_THROW(Client{*server}, boost::system::system_error);
  server->stop();  // again
}

TEST(HttpServer, StopDoesNotWaitForAClientThatNeverReads) {
  HttpServer::Options options;
  options.stop_grace = 20ms;
  options.write_timeout = std::chrono::hours(1);
  std::promise<void> entered;
  const auto server = serve({{"/metrics",
                              [&](const HttpRequest&) {
                                entered.set_value();
                                return plain(std::string(64 << 20, 'x'));
                              }}},
                            options);
  Client client(*server);
  client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  entered.get_future().wait();
  server->stop();
  EXPECT_EQ(server->scrapes(), 0u);
}

TEST(HttpServer, TakesTheNextPortOnlyWhereTheUserNamedNone) {
  const auto first = serve_metrics();
  ListenAddress address;
  address.port = first->port();

  const auto moved = HttpServer::start(address, {});
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_GT((*moved)->port(), first->port());
  EXPECT_EQ((*moved)->notice(), fmt::format("port {} is in use: serving on 127.0.0.1:{} instead",
                                            first->port(), (*moved)->port()));

  address.port_given = true;
  const auto refused = HttpServer::start(address, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            fmt::format("cannot serve on 127.0.0.1:{}: Address already in use; name another with --serve, or "
                        "--serve none",
                        first->port()));
}

TEST(HttpServer, RefusesAnAddressThatIsNotHere) {
  const auto refused = HttpServer::start({"192.0.2.1", 0, true}, {});  // TEST-NET-1
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("192.0.2.1:0"));
}

TEST(HttpServer, ListensOnIpv6) {
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor probe(io);
  boost::system::error_code error;
  probe.open(boost::asio::ip::tcp::v6(), error);
  if (!error) probe.bind({boost::asio::ip::make_address("::1"), 0}, error);
  if (error) GTEST_SKIP() << "this machine has no IPv6 loopback: " << error.message();
  const auto server =
      HttpServer::start(any_port("::1"), {{"/", [](const HttpRequest&) { return plain("six"); }}});
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_EQ((*server)->address(), fmt::format("[::1]:{}", (*server)->port()));
  EXPECT_TRUE((*server)->notice().empty());
  EXPECT_TRUE(Client(**server, "::1").get("/").ends_with("six"));
}

TEST(HttpServer, WaitsForScrapes) {
  const auto server = serve_metrics();
  std::jthread scraper([&](std::stop_token stop) {
    while (!stop.stop_requested()) Client(*server).get("/metrics");
  });
  EXPECT_TRUE(server->wait_scraped(2, MonoTime(std::chrono::steady_clock::now() + kFar)));
}

TEST(HttpServer, AWaitEndsAtItsDeadlineOrWhenAskedTo) {
  const auto server = serve_metrics();
  EXPECT_FALSE(server->wait_scraped(1, MonoTime(std::chrono::steady_clock::now())));
  std::stop_source interrupt;
  std::jthread interrupting([&] { interrupt.request_stop(); });
  EXPECT_FALSE(
      server->wait_scraped(1, MonoTime(std::chrono::steady_clock::now() + kFar), interrupt.get_token()));
  std::jthread stopping([&] { server->stop(); });
  EXPECT_FALSE(server->wait_scraped(1, MonoTime(std::chrono::steady_clock::now() + kFar)));
}

TEST(HttpServer, AScrapeUnderWayDoesNotCountForAWaitThatBeginsLater) {
  // The first answer is too large for the socket's buffers: it stays under way until its client reads.
  std::promise<void> entered;
  std::atomic<int> calls = 0;
  const auto server = serve({{"/metrics", [&](const HttpRequest&) {
                                if (calls++ > 0) return plain("up 1\n");
                                entered.set_value();
                                return plain(std::string(64 << 20, 'x'));
                              }}});
  Client early(*server);
  early.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  entered.get_future().wait();
  std::jthread reading([&](std::stop_token stop) {
    early.receive_all();
    while (!stop.stop_requested()) Client(*server).get("/metrics");
  });
  EXPECT_TRUE(server->wait_scraped(1, MonoTime(std::chrono::steady_clock::now() + kFar)));
  EXPECT_GE(server->scrapes(), 2u);
}

TEST(HttpServer, ATokenIsWantedOfEveryRequest) {
  const auto server = serve_metrics({.token = "s3cret"});
  const auto ask = [&](const std::string& header) {
    Client client(*server);
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n");
    return client.receive();
  };
  EXPECT_THAT(ask("Authorization: Bearer s3cret\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(ask("authorization: bearer  s3cret\r\n"), StartsWith("HTTP/1.1 200"));
  for (const char* wrong :
       {"", "Authorization: Bearer s3cre\r\n", "Authorization: Bearer s3cret2\r\n",
        "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", "Authorization: Basic s3cret\r\n",
        "Authorization: s3cret\r\n", "X-Authorization: Bearer s3cret\r\n"}) {
    const std::string answer = ask(wrong);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401")) << wrong;
    EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Bearer"));
    EXPECT_EQ(answer.find("up 1"), std::string::npos);
    EXPECT_EQ(answer.find("s3cret"), std::string::npos);
  }
  EXPECT_EQ(server->scrapes(), 2u) << "only answers that carried figures count";
}

TEST(HttpServer, BeyondThisMachineItWantsAToken) {
  const HttpServer::Routes routes{{"/metrics", [](const HttpRequest&) { return plain("up 1\n"); }}};
  for (const char* host : {"0.0.0.0", "", "::"}) {
    const auto open = HttpServer::start(any_port(host), routes);
    ASSERT_FALSE(open) << host;
    EXPECT_THAT(open.error().message, HasSubstr("--http-token-file"));
    EXPECT_THAT(open.error().message, HasSubstr("--insecure"));
  }
  EXPECT_TRUE(HttpServer::start(any_port("0.0.0.0"), routes, {.token = "t"}));
  EXPECT_TRUE(HttpServer::start(any_port("0.0.0.0"), routes, {.insecure = true}));
}

}  // namespace
}  // namespace kneepoint
