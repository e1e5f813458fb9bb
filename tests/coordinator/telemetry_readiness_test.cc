#include "coordinator/telemetry/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "coordinator/telemetry/host_pages.h"
#include "tests/coordinator/served_pages.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

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
  const auto server = serve({{"/health",
                              [&](const HttpRequest&) -> HttpResponse {
                                ++health;
                                return {.status = 500};
                              }},
                             {"/v1/models", [&](const HttpRequest&) -> HttpResponse {
                                if (++models < 3)
                                  return {.body = R"({"data":[{"id":"x","owned_by":"openai"}]})"};
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

}  // namespace
}  // namespace kneepoint::coordinator
