#include "coordinator/telemetry/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/version.h"
#include "coordinator/telemetry/readiness.h"
#include "coordinator/telemetry/target_client.h"
#include "support/scripted_server.h"
#include "tests/coordinator/served_pages.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

HttpServer::Routes metrics_route(HttpServer::Handler handler) {
  return {{"/metrics", std::move(handler)}};
}

std::string url_of(const HttpServer& server, const std::string& path = "/metrics") {
  return "http://" + server.address() + path;
}

/// A port on which connections are accepted by the kernel and nobody ever answers.
class SilentPort {
 public:
  SilentPort() : acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}) {}
  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/metrics";
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

/// Runs a scraper fast and collects what it says until something is true.
class Collector {
 public:
  Collector(std::vector<ScrapeEndpoint> endpoints, Scraper::Options options,
            Nanos interval = std::chrono::milliseconds(5)) {
    options.zero = std::chrono::steady_clock::now();
    options.interval = interval;
    options.on_update = [this] {
      const std::lock_guard lock(mutex_);
      ++updates_;
      changed_.notify_all();
    };
    scraper_ = std::make_unique<Scraper>(std::move(endpoints), std::move(options));
  }

  ~Collector() { scraper_->stop(); }

  /// @returns whether `done` held within a generous time.
  bool wait_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (std::uint64_t seen = 0;;) {
      drain();
      if (done()) return true;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, deadline, [&] { return updates_ > seen; })) return false;
      seen = updates_;
    }
  }

  void drain() {
    for (auto& sample : scraper_->take()) samples.push_back(std::move(sample));
    for (auto& notice : scraper_->take_notices()) notices.push_back(std::move(notice));
  }

  std::vector<TelemetrySample> samples;
  std::vector<std::string> notices;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t updates_ = 0;
  std::unique_ptr<Scraper> scraper_;
};

TEST(Scraper, ReadsEngineAndGpuMetricsAgainAndAgain) {
  std::atomic<int> polls = 0;
  const auto server = serve(metrics_route([&](const HttpRequest&) -> HttpResponse {
    const std::string n = std::to_string(++polls);
    return {
        .body =
            "vllm:num_requests_running{model_name=\"m\"} 3\nvllm:generation_tokens_total{model_name=\"m\"} " +
            n + "\nDCGM_FI_DEV_POWER_USAGE{gpu=\"0\"} 250\nother_tenants_queue{x=\"1\"} 4\n" +
            "other_tenants_queue{x=\"2\"} 5\n"};
  }));
  ScrapeEndpoint endpoint{.target = "host", .url = url_of(*server), .model = "m"};
  Collector collector({endpoint}, {.watched = {"other_tenants_queue"}});
  ASSERT_TRUE(collector.wait_until([&] { return collector.samples.size() >= 3; }));
  EXPECT_TRUE(collector.notices.empty());
  double tokens = 0;
  std::int64_t second = 0;
  for (const auto& sample : collector.samples) {
    EXPECT_EQ(sample.target, "host");
    EXPECT_EQ(sample.source, endpoint.url);
    EXPECT_EQ(sample.values.at(Signal::kRunning), 3);
    EXPECT_EQ(sample.values.at(Signal::kGpuPower), 250);
    EXPECT_EQ(sample.metrics.at("other_tenants_queue"), 9);
    EXPECT_GT(sample.values.at(Signal::kGenerationTokens), tokens);
    EXPECT_GE(sample.second, second);
    tokens = sample.values.at(Signal::kGenerationTokens);
    second = sample.second;
  }
}

TEST(Scraper, RanksOfOnePageComeInItsSample) {
  const auto server = serve(metrics_route([&](const HttpRequest&) -> HttpResponse {
    return {.body = "vllm:num_requests_running{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"1\"} 4\n"};
  }));
  Collector collector({{.target = "host", .url = url_of(*server)}}, {});
  ASSERT_TRUE(collector.wait_until([&] { return !collector.samples.empty(); }));
  EXPECT_EQ(collector.samples.front().values, (SignalValues{{Signal::kRunning, 7}}));
  EXPECT_EQ(collector.samples.front().ranks,
            (RankValues{{0, {{Signal::kRunning, 3}}}, {1, {{Signal::kRunning, 4}}}}));
}

/// A loaded server writes its page at the end of the wait: what it tells is of then, and not of when it was
/// due.
TEST(Scraper, AReadingIsOfWhenThePageWasWritten) {
  const Nanos interval = std::chrono::milliseconds(200);
  const auto server = serve(metrics_route([&](const HttpRequest&) -> HttpResponse {
    std::this_thread::sleep_for(interval);
    return {.body = "vllm:num_requests_running 3\n"};
  }));
  Collector collector({{.target = "host", .url = url_of(*server)}}, {}, interval);
  ASSERT_TRUE(collector.wait_until([&] { return !collector.samples.empty(); }));
  const auto& at = collector.samples.front().at;
  ASSERT_TRUE(at);
  EXPECT_GE(*at, 2 * to_seconds(interval) - 0.001)
      << "asked after one interval at the soonest, and read one later";
}

TEST(Scraper, GivesUpQuietlyWithOneNoticeWhereNothingIsFound) {
  std::atomic<int> polls = 0;
  const auto missing = serve(metrics_route([&](const HttpRequest&) -> HttpResponse {
    ++polls;
    return {.status = 404, .body = "no"};
  }));
  const auto strange =
      serve(metrics_route([](const HttpRequest&) -> HttpResponse { return {.body = "up 1\n"}; }));
  Collector collector({{.url = url_of(*missing)}, {.url = url_of(*strange)}, {.url = refused_url()}},
                      {.tries = 3});
  ASSERT_TRUE(collector.wait_until([&] { return collector.notices.size() == 3; }));
  EXPECT_TRUE(collector.samples.empty());
  EXPECT_EQ(polls, 3);
  EXPECT_THAT(collector.notices, testing::Contains(HasSubstr("it answers with HTTP status 404")));
  EXPECT_THAT(collector.notices, testing::Contains(HasSubstr("no metric of a known engine")));
  EXPECT_THAT(collector.notices, testing::Contains(HasSubstr("refused")));
}

TEST(Scraper, KeepsTryingWhereItWasAskedToOrHadSucceeded) {
  std::atomic<int> polls = 0;
  const auto handler = [&](const HttpRequest&) -> HttpResponse {
    const int n = ++polls;
    if (n > 4 && n < 20) return {.status = 500};
    return {.body = "tgi_queue_size 1\n"};
  };
  const auto server = serve(metrics_route(handler));
  Collector collector({{.url = url_of(*server)}}, {.tries = 2});
  ASSERT_TRUE(collector.wait_until([&] { return collector.samples.size() >= 8; }));
  EXPECT_EQ(collector.notices.size(), 1u) << "one for fifteen failures";
  EXPECT_THAT(collector.notices[0], HasSubstr("tried again"));

  Collector asked({{.url = refused_url(), .asked_for = true}, {.url = url_of(*server)}}, {.tries = 1});
  ASSERT_TRUE(asked.wait_until([&] { return asked.samples.size() >= 5 && !asked.notices.empty(); }));
  EXPECT_EQ(asked.notices.size(), 1u);
}

TEST(Scraper, ASilentHostDelaysNobody) {
  const SilentPort silent;
  const auto server =
      serve(metrics_route([](const HttpRequest&) -> HttpResponse { return {.body = "tgi_queue_size 1\n"}; }));
  // Asked for: on a busy machine it may miss these short limits itself, and is tried again.
  ScrapeEndpoint good{.target = "t", .url = url_of(*server), .asked_for = true};
  HttpLimits limits{.connect = std::chrono::milliseconds(100), .total = std::chrono::milliseconds(100)};
  Collector collector({{.url = silent.url()}, good}, {.limits = limits, .tries = 2});
  const auto given_up = testing::Contains(
      testing::AllOf(HasSubstr(silent.url()), HasSubstr("no answer in time"), HasSubstr("goes on without")));
  ASSERT_TRUE(collector.wait_until(
      [&] { return testing::Value(collector.notices, given_up) && collector.samples.size() >= 4; }));
}

TEST(Scraper, RefusesEndlessBodiesAndBadUrls) {
  const auto server = serve(metrics_route([](const HttpRequest&) -> HttpResponse {
    return {.body = "tgi_queue_size 1\n" + std::string(5000, '#')};
  }));
  HttpLimits limits{.body = 1000};
  Collector collector({{.url = url_of(*server)}, {.url = "ftp://user:secret@host/x"}},
                      {.limits = limits, .tries = 1});
  ASSERT_TRUE(collector.wait_until([&] { return collector.notices.size() == 2; }));
  EXPECT_THAT(collector.notices, testing::Contains(HasSubstr("too long")));
  EXPECT_THAT(collector.notices, testing::Contains(HasSubstr("ftp://host/x")));
  EXPECT_THAT(collector.notices, testing::Each(testing::Not(HasSubstr("secret"))));
}

TEST(Scraper, ReadsThisHostsGpus) {
  Collector collector({}, {.nvml_targets = {"host", "twin"}, .nvml_library = FAKE_NVML});
  ASSERT_TRUE(collector.wait_until([&] { return collector.samples.size() >= 2; }));
  EXPECT_EQ(collector.samples[0].source, "nvml");
  EXPECT_EQ(collector.samples[0].values.at(Signal::kGpuPower), 700.5);
  EXPECT_EQ(collector.samples[0].target, "host");
  EXPECT_EQ(collector.samples[1].target, "twin");
}

TEST(Scraper, StopsWhileHostsAreSilent) {
  const SilentPort silent;
  Scraper scraper({{.url = silent.url()}}, {.zero = std::chrono::steady_clock::now()});
  scraper.stop();
  EXPECT_TRUE(scraper.take().empty());
}

/// The requests that a host gets while `ask` reads something of it; what is asked for is not found.
template <class Ask>
std::vector<std::string> asked(Ask ask) {
  Gate gate;
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    if (peer.read_request().empty()) return;
    gate.open();
    peer.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  ask(server.url());
  EXPECT_TRUE(gate.wait());
  return server.requests();
}

TEST(TargetClient, ReadsTheAnswerBehindInterimResponsesAndFoldedHeaders) {
  const std::string interim =
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>;\r\n rel=preload\r\n\r\n";
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    while (!peer.read_request().empty()) {
      peer.send(interim + "HTTP/1.1 200 OK\r\nX-Trace: a,\r\n\tb\r\nContent-Length:\r\n 2\r\n\r\nhi");
    }
  });
  Target target;
  target.urls = {server.url()};
  TargetClient client(target, "", {.stop = {}, .limit = std::chrono::seconds(20), .run_id = ""});
  for (int time = 1; time <= 2; ++time) {
    const auto reply = time == 1 ? client.get("/v1/models") : client.post("/v1/completions", "{}");
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "hi");
  }
  EXPECT_EQ(server.connections(), 1) << "and the connection is kept";
}

TEST(TargetClient, InterimResponsesWithoutEndAreNoAnswer) {
  ScriptedServer server([&](ScriptedServer::Peer& peer, int) {
    peer.read_request();
    for (int i = 0; i < 100; ++i) peer.send("HTTP/1.1 102 Processing\r\n\r\n");
    peer.wait_for_close();
  });
  Target target;
  target.urls = {server.url()};
  TargetClient client(target, "", {.stop = {}, .limit = std::chrono::seconds(20), .run_id = ""});
  const auto reply = client.get("/health");
  ASSERT_FALSE(reply);
  EXPECT_THAT(reply.error().message, HasSubstr("it never came to an answer"));
}

TEST(UserAgent, NamesTheVersionAndTheRun) {
  const std::string mine = "\r\nUser-Agent: kneepoint/" + std::string(version());
  const auto scraped = asked([](const std::string& url) {
    Collector collector({{.target = "host", .url = url + "/metrics"}}, {.run_id = "r1", .tries = 1});
    EXPECT_TRUE(collector.wait_until([&] { return !collector.notices.empty(); }));
  });
  EXPECT_THAT(scraped.at(0), HasSubstr(mine + " run/r1\r\n"));
  const auto awaited = asked([](const std::string& url) {
    const ReadinessOptions options{.deadline = std::chrono::milliseconds(1), .run_id = "r1"};
    EXPECT_FALSE(wait_ready({.urls = {url}}, options));
  });
  EXPECT_THAT(awaited.at(0), HasSubstr(mine + " run/r1\r\n"));
  const auto without_run = asked([](const std::string& url) {
    Target target{.urls = {url}};
    TargetClient client(target, "", {.stop = {}, .limit = std::chrono::seconds(30), .run_id = {}});
    EXPECT_TRUE(client.get("/v1/models"));
  });
  EXPECT_THAT(without_run.at(0), HasSubstr(mine + "\r\n"));
}

TEST(Urls, AreJoinedAndShownWithoutSecrets) {
  EXPECT_EQ(join_url("http://h:1", "/metrics"), "http://h:1/metrics");
  EXPECT_EQ(join_url("http://h/p//", "/metrics"), "http://h/p/metrics");
  EXPECT_EQ(url_for_display("http://u:p@h:1/m?token=x#y"), "http://h:1/m");
  EXPECT_EQ(url_for_display("http://h/a@b"), "http://h/a@b");
  EXPECT_EQ(url_for_display("nonsense"), "nonsense");
}

}  // namespace
}  // namespace kneepoint::coordinator
