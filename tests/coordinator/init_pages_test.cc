// What a host is taken for, by the pages that it has and by how it answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>

#include "coordinator/init/host_probe.h"
#include "coordinator/init/preflight.h"
#include "coordinator/plan/ready_dialects.h"
#include "support/scripted_server.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

/// Serves pages, everything else is not there. @returns what `ask` was told, and the paths that it asked for.
class Pages : public testing::Test {
 protected:
  using Replies = std::map<std::string, std::string>;
  void serve(Replies pages) {
    server_ = std::make_unique<ScriptedServer>([pages = std::move(pages)](ScriptedServer::Peer& peer, int) {
      for (std::string request; !(request = peer.read_request()).empty();) {
        const std::string path = path_of(request);
        peer.send(pages.contains(path) ? pages.at(path) : http_response("404 Not Found", "no such page"));
      }
    });
  }
  /// What a preflight finds wrong with a target of this dialect.
  std::string fault(Api api) {
    Plan plan;
    plan.targets.push_back({.name = "host", .urls = {server_->url()}, .api = api, .model = "tiny"});
    plan.targets[0].telemetry.off = true;
    if (api == Api::kCustom) plan.targets[0].dialect = DialectDescription{.path = "/v1/messages"};
    return preflight(plan, "", {}).at(0).fault;
  }
  std::vector<std::string> asked() const {
    std::vector<std::string> paths;
    for (const std::string& request : server_->requests()) paths.push_back(path_of(request));
    return paths;
  }
  static std::string path_of(const std::string& request) {
    const std::size_t begin = request.find(' ') + 1;
    return request.substr(begin, request.find(' ', begin) - begin);
  }
  std::unique_ptr<ScriptedServer> server_;
};

constexpr const char* kGatewaysList = R"({"data":[{"id":"tiny","owned_by":"openai"}]})";
constexpr const char* kEnginesList = R"({"data":[{"id":"tiny","owned_by":"vllm"}]})";

TEST_F(Pages, AGatewaysHealthIsNotAsked) {
  for (const Api api : {Api::kOpenAiChat, Api::kCustom, Api::kVllmGenerate}) {
    serve({{"/v1/models", http_response("200 OK", kGatewaysList)}, {"/health", http_response("500 No", "")}});
    EXPECT_EQ(fault(api), "");
    EXPECT_THAT(asked(), testing::ElementsAre("/v1/models"));
  }
}

TEST_F(Pages, HealthDecidesWhereThereIsNoListAndOfAnEngine) {
  for (const Api api : {Api::kOpenAiChat, Api::kCustom}) {
    serve({{"/health", http_response("503 Busy", "loading")}});
    EXPECT_THAT(fault(api), HasSubstr("/health answers HTTP 503: loading"));
    serve({{"/v1/models", http_response("200 OK", kEnginesList)},
           {"/health", http_response("503 Busy", "loading")}});
    EXPECT_THAT(fault(api), HasSubstr("/health answers HTTP 503: loading"));
    serve({});
    EXPECT_EQ(fault(api), "") << "a host without such pages may serve all the same";
    EXPECT_THAT(asked(), testing::ElementsAre("/v1/models", "/health"));
  }
  serve({{"/v1/models", http_response("503 Busy", "loading")}});
  EXPECT_THAT(fault(Api::kCustom), HasSubstr("/v1/models answers HTTP 503: loading"));
}

TEST_F(Pages, AProbeAsksAGatewayForNoHealth) {
  const std::string chat = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\ndata: [DONE]\n\n";
  const auto healthy = [&](const char* models, const char* status) {
    serve({{"/v1/models", http_response("200 OK", models)},
           {"/health", http_response(status, "")},
           {"/v1/chat/completions", http_response("200 OK", chat)}});
    const auto facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
    EXPECT_TRUE(facts) << (facts ? "" : facts.error().message);
    return facts ? facts->healthy : std::nullopt;
  };
  EXPECT_EQ(healthy(kGatewaysList, "500 No"), std::nullopt);
  EXPECT_THAT(asked(), testing::Not(testing::Contains("/health")));
  EXPECT_EQ(healthy(kEnginesList, "200 OK"), true);
  EXPECT_EQ(healthy(kEnginesList, "503 Busy"), false);
  EXPECT_EQ(healthy(kEnginesList, "501 No"), std::nullopt);
}

TEST_F(Pages, AProbeTellsAWholeAnswerFromAStream) {
  serve(
      {{"/v1/models", http_response("200 OK", kGatewaysList)},
       {"/v1/chat/completions", http_response("200 OK", R"({"choices":[{"message":{"content":"one"}}]})")}});
  const auto facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_FALSE(facts->streams);
  EXPECT_EQ(facts->api, Api::kOpenAiChat);
}

/// A host that speaks one dialect only, and what it says to a request for an answer.
struct Speaker {
  std::string dialect, path, answer;
  UsageReport usage;
};
const Speaker kSpeakers[] = {
    {"openai-responses", "/v1/responses",
     "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"error\":null}}\n\n"
     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"one\"}\n\n"
     "data: {\"type\":\"response.incomplete\",\"response\":{\"usage\":{\"output_tokens\":1}}}\n\n",
     UsageReport::kAtEnd},
    {"anthropic-messages", "/v1/messages",
     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\","
     "\"text\":\"one\"}}\n\n"
     "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":1}}\n\n"
     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
     UsageReport::kAtEnd},
    {"openai-embeddings", "/v1/embeddings",
     R"({"data":[{"embedding":[0.5,-0.5]}],"usage":{"prompt_tokens":6}})", UsageReport::kNone},
    {"llama-cpp", "/completion",
     "data: {\"content\":\"one\",\"stop\":false,\"tokens_predicted\":1}\n\n"
     "data: {\"content\":\"\",\"stop\":true,\"tokens_predicted\":1}\n\n",
     UsageReport::kRunning},
    {"tgi", "/generate_stream",
     "data:{\"token\":{\"text\":\"one\"},\"details\":null}\n\n"
     "data:{\"token\":{\"text\":\"\"},\"details\":{\"finish_reason\":\"length\",\"generated_tokens\":1}}\n\n",
     UsageReport::kAtEnd},
    {"triton", "/v2/models/tiny/generate_stream", "data: {\"text_output\":\"one\"}\n\n", UsageReport::kNone},
    {"ollama", "/api/chat",
     "{\"message\":{\"content\":\"one\"},\"done\":false}\n"
     "{\"message\":{\"content\":\"\"},\"done\":true,\"eval_count\":1}\n",
     UsageReport::kAtEnd},
};

TEST_F(Pages, EveryReadyDescriptionIsRecognised) {
  ASSERT_EQ(ready_dialects().size(), std::size(kSpeakers)) << "each has its host here";
  for (const Speaker& speaker : kSpeakers) {
    serve({{"/v1/models", http_response("200 OK", kGatewaysList)},
           {speaker.path, http_response("200 OK", speaker.answer)}});
    const auto facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
    ASSERT_TRUE(facts) << speaker.dialect << ": " << facts.error().message;
    EXPECT_EQ(facts->api, Api::kCustom);
    EXPECT_EQ(facts->dialect, speaker.dialect);
    EXPECT_EQ(facts->usage, speaker.usage) << speaker.dialect;
    EXPECT_EQ(facts->streams, speaker.dialect != "openai-embeddings");
    EXPECT_EQ(facts->writes_text, speaker.dialect != "openai-embeddings");
  }
}

TEST_F(Pages, ChatGoesBeforeAllOthers) {
  Replies pages{{"/v1/models", http_response("200 OK", kGatewaysList)},
                {"/v1/chat/completions",
                 http_response("200 OK", "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n")}};
  for (const Speaker& speaker : kSpeakers) pages[speaker.path] = http_response("200 OK", speaker.answer);
  serve(pages);
  auto facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(dialect_words(*facts), "openai-chat");
  EXPECT_EQ(server_->requests().size(), 3u) << "models, metrics and one request";
  pages.erase("/v1/chat/completions");
  serve(pages);
  facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(dialect_words(*facts), "openai-responses");
}

TEST_F(Pages, AHostWithoutAListIsAskedForItsModelsWhereItsKindHasThem) {
  const auto probed = [&](const char* page, const char* says, const std::string& path,
                          const std::string& answer, const std::string& model = "") {
    serve({{page, http_response("200 OK", says)}, {path, http_response("200 OK", answer)}});
    const auto facts = probe_host({.url = server_->url(), .model = model, .auth = {}});
    if (!facts) return facts.error().message;
    return dialect_words(*facts) + " of " + facts->models.front().id;
  };
  const auto answer_of = [](const std::string& dialect) {
    return std::find_if(std::begin(kSpeakers), std::end(kSpeakers),
                        [&](const Speaker& each) { return each.dialect == dialect; })
        ->answer;
  };
  EXPECT_EQ(probed("/api/tags", R"({"models":[{"name":"llama3.2:latest"},{"name":"x"}]})", "/api/chat",
                   answer_of("ollama")),
            "ollama of llama3.2:latest");
  EXPECT_EQ(probed("/info", R"({"model_id":"org/m"})", "/generate_stream", answer_of("tgi")), "tgi of org/m");
  EXPECT_EQ(probed("/info", R"({"model_id":"org/e"})", "/v1/embeddings", answer_of("openai-embeddings")),
            "openai-embeddings of org/e")
      << "as TEI has it";
  EXPECT_EQ(probed("/v2/repository/index", R"([{"name":"postprocessing"},{"name":"ensemble"}])",
                   "/v2/models/ensemble/generate_stream", answer_of("triton")),
            "triton of ensemble");
  EXPECT_EQ(probed("/v1/none", "", "/v1/messages", answer_of("anthropic-messages"), "claude"),
            "anthropic-messages of claude");
  EXPECT_THAT(server_->requests().back(), HasSubstr(R"("model":"claude")"));
  EXPECT_EQ(probed("/v1/models", "<html>", "/v1/messages", answer_of("anthropic-messages"), "claude"),
            "anthropic-messages of claude");
  for (const char* const says :
       {"", "[]", "{}", "<html>", R"({"models":[{"name":7}]})", R"({"models":null})"}) {
    EXPECT_THAT(probed("/api/tags", says, "/api/chat", answer_of("ollama")),
                HasSubstr("gives no list of models (HTTP 404: no such page); name one with --model"))
        << says;
  }
}

TEST_F(Pages, AListThatIsKeptBackIsSaidWithTheWayOut) {
  const auto refused = [&](const std::string& status, const std::string& says, SecretRef auth = {}) {
    serve({{"/v1/models", http_response(status, says)}});
    const auto facts = probe_host({.url = server_->url(), .model = {}, .auth = std::move(auth)});
    return facts ? std::string("it is fit") : facts.error().message;
  };
  setenv("KNEEPOINT_TEST_KEY", "k", 1);
  EXPECT_THAT(refused("401 No", "who?"), HasSubstr("it asks for a key (HTTP 401: who?); name the variable"));
  EXPECT_THAT(
      refused("401 No", "who?", {.source = SecretRef::Source::kEnvironment, .name = "KNEEPOINT_TEST_KEY"}),
      HasSubstr("it does not take the key (HTTP 401: who?); check what KNEEPOINT_TEST_KEY holds"));
  EXPECT_THAT(refused("429 Slow", "later"),
              HasSubstr("it refuses for now: /v1/models answers HTTP 429: later"));
  EXPECT_THAT(refused("302 Found", ""), HasSubstr("/v1/models redirects (HTTP 302)"));
  EXPECT_EQ(refused("302 Found", "").find("--model"), std::string::npos);
}

TEST_F(Pages, AModelThatIsNotThereIsAnsweredByThoseThatAre) {
  serve({{"/v1/models", http_response("200 OK", R"({"data":[{"id":"org/a"},{"id":"org/b"}]})")}});
  const auto facts = probe_host({.url = server_->url(), .model = "b", .auth = {}});
  ASSERT_FALSE(facts);
  EXPECT_THAT(facts.error().message, HasSubstr("it does not serve 'b' but 'org/a', 'org/b'"));
}

TEST_F(Pages, WhatIsRefusedIsSaidInTheHostsWords) {
  const auto refused = [&](Replies pages) {
    pages.emplace("/v1/models", http_response("200 OK", kGatewaysList));
    serve(pages);
    const auto facts = probe_host({.url = server_->url(), .model = {}, .auth = {}});
    return facts ? std::string("it is fit") : facts.error().message;
  };
  EXPECT_THAT(refused({}),
              HasSubstr("it does not answer a request for 'tiny': /v1/chat/completions answers HTTP "
                        "404: no such page"));
  EXPECT_THAT(refused({{"/v1/messages", http_response("400 Bad", "your credit is too low")}}),
              HasSubstr("'tiny': /v1/messages answers HTTP 400: your credit is too low"));
  EXPECT_THAT(
      refused({{"/api/chat", http_response("200 OK", R"({"error":"no memory"})")}}),
      HasSubstr(R"(/api/chat answers without a text that is known (HTTP 200: {"error":"no memory"}))"));
  EXPECT_THAT(refused({{"/v1/chat/completions", http_response("401 No", "who are you?")}}),
              HasSubstr("HTTP 401: who are you?; name the variable that holds its token with --token-env"));
  EXPECT_THAT(asked(), testing::Not(testing::Contains("/v1/completions")))
      << "no other dialect needs no token";
  EXPECT_THAT(refused({{"/v1/chat/completions", http_response("429 Slow", "later")}}),
              HasSubstr("429: later"));
  EXPECT_THAT(asked(), testing::Not(testing::Contains("/v1/completions")));
}

}  // namespace
}  // namespace kneepoint::coordinator
