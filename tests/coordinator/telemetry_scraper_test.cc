#include "coordinator/telemetry/scraper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "common/serve/http_server.h"
#include "common/version.h"
#include "coordinator/telemetry/host_pages.h"
#include "coordinator/telemetry/readiness.h"
#include "coordinator/telemetry/target_client.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

HttpServer::Routes metrics_route(HttpServer::Handler handler) {
  return {{"/metrics", std::move(handler)}};
}

std::unique_ptr<HttpServer> serve(HttpServer::Routes routes) {
  auto server = HttpServer::start({.host = "127.0.0.1", .port = 0, .port_given = true}, std::move(routes));
  EXPECT_TRUE(server) << server.error().message;
  return std::move(*server);
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

/// A port that was free a moment ago.
std::string refused_url() {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + "/metrics";
}

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

ReadinessOptions fast(Nanos deadline = std::chrono::seconds(30)) {
  ReadinessOptions options;
  options.deadline = deadline;
  options.interval = std::chrono::milliseconds(1);
  return options;
}

Target target_at(const HttpServer& server) {
  Target target;
  target.name = "host";
  target.urls = {"http://" + server.address()};
  target.model = "m";
  return target;
}

HttpServer::Handler answer(int status, const std::string& body = "") {
  return [=](const HttpRequest&) -> HttpResponse { return {.status = status, .body = body}; };
}

TEST(WaitReady, WaitsForTheModelThenForTheEnginesHealth) {
  std::atomic<int> health = 0, models = 0;
  const auto server = serve(
      {{"/health", [&](const HttpRequest&) -> HttpResponse { return {.status = ++health < 3 ? 503 : 200}; }},
       {"/v1/models", [&](const HttpRequest&) -> HttpResponse {
          return {.body = ++models < 2 ? R"({"data":[]})"
                                       : R"({"data":[{"id":"x"},{"id":"m","owned_by":"sglang"}]})"};
        }}});
  auto options = fast();
  std::vector<std::string> said;
  options.on_wait = [&](const std::string& line) { said.push_back(line); };
  const auto ready = wait_ready(target_at(*server), options);
  ASSERT_TRUE(ready) << ready.error().message;
  ASSERT_EQ(ready->size(), 1u);
  EXPECT_GT((*ready)[0].seconds, 0);
  EXPECT_FALSE((*ready)[0].at_once);
  ASSERT_EQ(said.size(), 2u) << "each change once";
  EXPECT_THAT(said[0], HasSubstr("it does not serve 'm' but nothing"));
  EXPECT_THAT(said[1], HasSubstr("/health answers with HTTP status 503"));
}

TEST(WaitReady, WaitsWhereOnlyHealthTellsAndWhileThereIsNoPage) {
  std::atomic<int> health = 0;
  const auto server = serve({{"/health", [&](const HttpRequest&) -> HttpResponse {
                                return {.status = ++health < 3 ? 503 : 200};
                              }}});
  EXPECT_TRUE(wait_ready(target_at(*server), fast()));
  EXPECT_EQ(health, 3);
  std::atomic<int> models = 0;
  const auto loads = serve({{"/v1/models", [&](const HttpRequest&) -> HttpResponse {
                               if (++models < 3) return {.status = 404};
                               return {.body = R"({"data":[{"id":"m"}]})"};
                             }}});
  EXPECT_TRUE(wait_ready(target_at(*loads), fast()));
  EXPECT_EQ(models, 3);
}

TEST(WaitReady, AGatewayIsNotAskedForItsHealth) {
  std::atomic<int> health = 0, models = 0;
  const auto server = serve(
      {{"/health", [&](const HttpRequest&) -> HttpResponse { return {.status = ++health > 0 ? 500 : 200}; }},
       {"/v1/models", [&](const HttpRequest&) -> HttpResponse {
          if (++models < 3) return {.body = R"({"data":[{"id":"x","owned_by":"openai"}]})"};
          return {.body = R"({"data":[{"id":"m","owned_by":"openai"}]})"};
        }}});
  EXPECT_TRUE(wait_ready(target_at(*server), fast()));
  EXPECT_EQ(models, 3);
  EXPECT_EQ(health, 0) << "it would ask every model behind it";
}

TEST(WaitReady, ADescribedDialectsPrefixStandsBeforeTheList) {
  const auto server = serve({{"/anthropic/v1/models", answer(200, R"({"data":[{"id":"m"}]})")}});
  Target target = target_at(*server);
  target.api = Api::kCustom;
  target.dialect = DialectDescription{.path = "/anthropic/v1/messages"};
  EXPECT_TRUE(wait_ready(target, fast()));
}

TEST(HostPages, TheListOfModelsStandsBesideTheRequests) {
  const auto path = [](std::string requests, std::string model = "m") {
    Target target{.api = Api::kCustom, .model = std::move(model)};
    target.dialect = DialectDescription{.path = std::move(requests)};
    return models_path(target);
  };
  EXPECT_EQ(models_path({.api = Api::kOpenAiChat}), "/v1/models");
  EXPECT_EQ(path("/v1/responses"), "/v1/models");
  EXPECT_EQ(path("/gateway/openai/v1/embeddings"), "/gateway/openai/v1/models");
  EXPECT_EQ(path("/of/{model}/v1/messages", "org/m"), "/of/org%2Fm/v1/models");
  EXPECT_EQ(path("/of/{model}/v1/messages", ""), "/v1/models");
  for (const char* const other :
       {"/api/chat", "/generate_stream", "/v2/models/{model}/generate", "/v1beta/x"})
    EXPECT_EQ(path(other), "/v1/models") << other;
}

TEST(HostPages, HealthIsAskedWhereItIsCheapOrAllThatThereIs) {
  const auto wants = [](std::string body, int status = 200) {
    return wants_health({.status = status, .body = std::move(body)});
  };
  for (const char* const owner : {"vllm", "sglang", "llamacpp"})
    EXPECT_TRUE(wants(R"({"data":[{"id":"m","owned_by":")" + std::string(owner) + R"("}]})")) << owner;
  for (const int status : {401, 403, 404, 405, 410, 501}) EXPECT_TRUE(wants("no", status)) << status;
  for (const int status : {400, 429, 500, 503}) EXPECT_FALSE(wants("no", status)) << status;
  for (const char* const body :
       {R"({"data":[{"id":"m","owned_by":"openai"}]})", R"({"data":[{"id":"m"}]})", R"({"data":[]})",
        R"({"data":[1,{"owned_by":2}]})", R"({"data":{"owned_by":"vllm"}})", "<html>vllm</html>", ""})
    EXPECT_FALSE(wants(body)) << body;
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
    auto options = fast(std::chrono::milliseconds(1));
    options.run_id = "r1";
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

TEST(WaitReady, CountsFromAGivenStart) {
  const auto server =
      serve({{"/health", answer(200)}, {"/v1/models", answer(200, R"({"data":[{"id":"m"}]})")}});
  auto options = fast();
  options.started = std::chrono::steady_clock::now() - std::chrono::hours(1);
  const auto ready = wait_ready(target_at(*server), options);
  ASSERT_TRUE(ready);
  EXPECT_GT((*ready)[0].seconds, 3599);
  EXPECT_TRUE((*ready)[0].at_once);
}

TEST(WaitReady, OneOfBothEndpointsIsEnoughAndAKeyIsNoObstacle) {
  EXPECT_TRUE(wait_ready(target_at(*serve({{"/health", answer(200)}})), fast()));
  EXPECT_TRUE(
      wait_ready(target_at(*serve({{"/v1/models", answer(200, R"({"data":[{"id":"m"}]})")}})), fast()));
  EXPECT_TRUE(wait_ready(target_at(*serve({{"/health", answer(200)}, {"/v1/models", answer(401)}})), fast()));
  for (const int status : {401, 403}) {
    EXPECT_TRUE(wait_ready(target_at(*serve({{"/health", answer(status)},
                                             {"/v1/models", answer(200, R"({"data":[{"id":"m"}]})")}})),
                           fast()));
  }
}

TEST(WaitReady, SaysWhyItGivesUp) {
  const Nanos soon = std::chrono::milliseconds(20);
  const auto reason = [&](const HttpServer::Routes& routes) {
    const auto server = serve(routes);
    const auto ready = wait_ready(target_at(*server), fast(soon));
    return ready ? std::string("ready") : ready.error().message;
  };
  EXPECT_THAT(reason({{"/other", answer(200)}}), HasSubstr("neither /health nor /v1/models"));
  EXPECT_THAT(reason({{"/health", answer(200)}, {"/v1/models", answer(200, R"({"data":[{"id":"x"}]})")}}),
              HasSubstr("it does not serve 'm' but 'x'"));
  EXPECT_THAT(reason({{"/health", answer(401)}, {"/v1/models", answer(503)}}),
              HasSubstr("/v1/models answers"));
  EXPECT_THAT(reason({{"/health", answer(401)}, {"/v1/models", answer(401)}}),
              HasSubstr("/health answers with HTTP status 401, and /v1/models with 401"));
  EXPECT_THAT(reason({{"/health", answer(401)}}), HasSubstr("neither /health nor /v1/models"));
  EXPECT_THAT(reason({{"/v1/models", answer(200, "<html>")}}), HasSubstr("does not answer with a list"));
  Target gone;
  gone.urls = {refused_url()};
  const auto ready = wait_ready(gone, fast(soon));
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("refused"));
}

TEST(WaitReady, EndsWhenAsked) {
  const auto server = serve({{"/health", answer(503)}});
  std::stop_source source;
  auto options = fast();
  options.stop = source.get_token();
  options.on_wait = [&](const std::string&) { source.request_stop(); };
  const auto ready = wait_ready(target_at(*server), options);
  ASSERT_FALSE(ready);
  EXPECT_THAT(ready.error().message, HasSubstr("stopped while waiting"));
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
