#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "tests/support/http_test_client.h"

namespace kneepoint {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

/// Tells the numbers from 1 on, all that a client has not seen at once.
class Numbers final : public EventFeed {
 public:
  void count() {
    {
      const std::lock_guard lock(mutex_);
      ++last_;
    }
    tell();
  }
  Piece after(std::uint64_t seen) override {
    const std::lock_guard lock(mutex_);
    if (seen == last_) return {nullptr, seen};
    std::string text;
    while (seen < last_) text += fmt::format("data: {}\n\n", ++seen);
    return {std::make_shared<const std::string>(text), seen};
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
};

std::unique_ptr<HttpServer> serve_feed(EventFeed& feed, HttpServer::Options options = {}) {
  options.feeds = {{"/events", &feed}};
  options.posts = {{"/stop", [](const HttpRequest& request) { return HttpResponse{.body = request.query}; }}};
  options.open = {"/"};
  auto server = HttpServer::start({"127.0.0.1", 0, true},
                                  {{"/", [](const HttpRequest&) { return HttpResponse{.body = "page"}; }}},
                                  std::move(options));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
}

constexpr const char* kFollow = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n";

TEST(HttpStream, TellsWhatIsNewUntilTheServerStops) {
  Numbers feed;
  const auto server = serve_feed(feed);
  HttpTestClient client(*server);
  client.send(kFollow);
  EXPECT_THAT(client.receive_until("\r\n\r\n"), HasSubstr("Content-Type: text/event-stream\r\n"));
  feed.count();
  EXPECT_EQ(client.receive_until("\n\n"), "data: 1\n\n");
  feed.count();
  EXPECT_EQ(client.receive_until("\n\n"), "data: 2\n\n");
  feed.count();
  server->stop();
  EXPECT_EQ(client.receive_all(), "data: 3\n\n") << "the last word is told before the end";
}

TEST(HttpStream, ALateClientGetsAllThereIs) {
  Numbers feed;
  const auto server = serve_feed(feed);
  feed.count();
  feed.count();
  HttpTestClient client(*server);
  client.send(kFollow);
  client.receive_until("\r\n\r\n");
  EXPECT_EQ(client.receive_until("data: 2\n\n"), "data: 1\n\ndata: 2\n\n");
}

TEST(HttpStream, ASilentOneShowsThatItIsThere) {
  Numbers feed;
  const auto server = serve_feed(feed, {.keep_alive = 1ms});
  HttpTestClient client(*server);
  client.send(kFollow);
  client.receive_until("\r\n\r\n");
  EXPECT_EQ(client.receive_until("\n\n"), "event: still\ndata: {}\n\n");
}

TEST(HttpStream, TheyAreLimitedAndThePageIsServedAllTheSame) {
  Numbers feed;
  const auto server = serve_feed(feed, {.max_streams = 1});
  HttpTestClient first(*server);
  first.send(kFollow);
  first.receive_until("\r\n\r\n");
  const std::string refused = HttpTestClient(*server).get("/events");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: "));
  EXPECT_TRUE(HttpTestClient(*server).get("/").ends_with("page"));
}

TEST(HttpStream, AClientThatTakesNothingIsLetGo) {
  class Flood final : public EventFeed {
   public:
    Piece after(std::uint64_t seen) override { return {text_, seen + 1}; }

   private:
    std::shared_ptr<const std::string> text_ = std::make_shared<const std::string>(8 << 20, 'x');
  };
  Flood feed;
  const auto server = serve_feed(feed, {.max_streams = 1, .write_timeout = 20ms});
  HttpTestClient client(*server);
  client.send(kFollow);
  for (;;) {  // its place is free again, or this never ends
    HttpTestClient next(*server);
    next.send(kFollow);
    if (next.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200")) break;
  }
}

TEST(HttpStream, ATokenIsWantedAndLoginGivesTheCookieForIt) {
  Numbers feed;
  const auto server = serve_feed(feed, {.token = "s3cret"});
  EXPECT_THAT(HttpTestClient(*server).get("/events"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(HttpTestClient(*server).get("/"), StartsWith("HTTP/1.1 200 "));
  const auto log_in = [&](const std::string& token) {
    HttpTestClient client(*server);
    client.send(
        "POST /login HTTP/1.1\r\nHost: localhost\r\nX-Kneepoint: yes\r\nContent-Length: 0\r\n"
        "Authorization: Bearer " +
        token + "\r\n\r\n");
    return client.receive();
  };
  EXPECT_THAT(log_in("wrong"), StartsWith("HTTP/1.1 401 "));
  const std::string answer = log_in("s3cret");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 204 "));
  const std::size_t at = answer.find("Set-Cookie: ") + 12;
  HttpTestClient client(*server);
  client.send("GET /events HTTP/1.1\r\nHost: localhost\r\nCookie: " +
              answer.substr(at, answer.find(';', at) - at) + "\r\n\r\n");
  EXPECT_THAT(client.receive_until("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpStream, PostIsForItsRoutesOnlyAndShowsItsIntent) {
  Numbers feed;
  const auto server = serve_feed(feed);
  const auto post = [&](const std::string& path, const std::string& headers) {
    HttpTestClient client(*server);
    client.send("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n" + headers + "\r\n");
    return client.receive();
  };
  EXPECT_TRUE(post("/stop?run=1", "X-Kneepoint: yes\r\n").ends_with("run=1"));
  EXPECT_THAT(post("/stop?run=1", ""), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(post("/stop", "X-Kneepoint: yes\r\nOrigin: http://attacker.example\r\n"),
              StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(post("/", "X-Kneepoint: yes\r\n"), StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(HttpTestClient(*server).get("/stop"), StartsWith("HTTP/1.1 404 "));
}

}  // namespace
}  // namespace kneepoint
