#include <gtest/gtest.h>

#include "tests/simhost/host_fixture.h"

namespace kneepoint::simhost {
namespace {

using Api = HostTest;

TEST_F(Api, ChatStreamHasRoleContentFinishUsageAndDone) {
  start();
  TestClient client(port());
  const Response response = client.post("/v1/chat/completions",
                                        chat(5, R"(,"stream":true,"stream_options":{"include_usage":true})"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream; charset=utf-8");
  const auto events = response.events();
  ASSERT_EQ(events.size(), 9u);  // role, 5 tokens, finish, usage, [DONE]
  EXPECT_EQ(response.chunks.size(), events.size()) << "one HTTP chunk per event";
  const Json role(events[0]);
  EXPECT_EQ(role.text("/choices/0/delta/role"), "assistant");
  EXPECT_EQ(role.text("/choices/0/delta/content"), "");
  EXPECT_EQ(role.text("/object"), "chat.completion.chunk");
  EXPECT_EQ(role.text("/model"), "tiny");
  for (int i = 1; i <= 5; ++i) {
    const Json token(events[static_cast<std::size_t>(i)]);
    ASSERT_TRUE(token.valid());
    EXPECT_NE(token.text("/choices/0/delta/content", ""), "");
    EXPECT_EQ(token.text("/id"), role.text("/id"));
    EXPECT_FALSE(token.has("/usage"));
  }
  const Json finish(events[6]);
  EXPECT_EQ(finish.text("/choices/0/finish_reason"), "length");
  EXPECT_EQ(finish.text("/choices/0/delta/content"), "");
  const Json usage(events[7]);
  EXPECT_FALSE(usage.has("/choices/0"));
  EXPECT_EQ(usage.number("/usage/prompt_tokens"), 6);
  EXPECT_EQ(usage.number("/usage/completion_tokens"), 5);
  EXPECT_EQ(usage.number("/usage/total_tokens"), 11);
  EXPECT_EQ(events[8], "[DONE]");
}

TEST_F(Api, UsageComesOnlyWhenAskedFor) {
  start();
  TestClient client(port());
  EXPECT_EQ(client.post("/v1/chat/completions", chat(3)).body().find("usage"), std::string::npos);
  const auto events =
      client
          .post(
              "/v1/chat/completions",
              chat(3,
                   R"(,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true})"))
          .events();
  ASSERT_EQ(events.size(), 7u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Json(events[static_cast<std::size_t>(i)]).number("/usage/completion_tokens"), i);
  }
}

TEST_F(Api, OneAnswerWithoutStreaming) {
  start();
  TestClient client(port());
  const Response response = client.post("/v1/chat/completions", chat(4, ""));
  const Json json(response.body());
  EXPECT_EQ(json.text("/object"), "chat.completion");
  EXPECT_NE(json.text("/choices/0/message/content"), "");
  EXPECT_EQ(json.number("/usage/prompt_tokens"), 6);
  EXPECT_EQ(json.number("/usage/completion_tokens"), 4);
  EXPECT_EQ(json.number("/usage/total_tokens"), 10);
}

TEST_F(Api, MaxCompletionTokensWinsAndReasoningComesFirst) {
  config.profile.reasoning_tokens = 2;
  start();
  TestClient client(port());
  const auto events =
      client.post("/v1/chat/completions", chat(50, R"(,"stream":true,"max_completion_tokens":5)")).events();
  ASSERT_EQ(events.size(), 8u);
  for (std::size_t i = 1; i <= 5; ++i) {
    EXPECT_EQ(Json(events[i]).has("/choices/0/delta/reasoning_content"), i <= 2) << i;
    EXPECT_EQ(Json(events[i]).has("/choices/0/delta/content"), i > 2) << i;
  }
}

TEST_F(Api, SeveralTokensPerChunkAfterTheFirst) {
  config.tokens_per_chunk = 4;
  start();
  TestClient client(port());
  const auto events =
      client
          .post(
              "/v1/chat/completions",
              chat(10,
                   R"(,"stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true})"))
          .events();
  ASSERT_EQ(events.size(), 8u);  // role, 1 + 4 + 4 + 1, finish, usage, [DONE]
  std::vector<std::int64_t> so_far;
  for (std::size_t i = 1; i <= 4; ++i) so_far.push_back(Json(events[i]).number("/usage/completion_tokens"));
  EXPECT_EQ(so_far, (std::vector<std::int64_t>{1, 5, 9, 10}));
  EXPECT_EQ(host->stats().content_chunks, 4);
  EXPECT_EQ(host->stats().output_tokens, 10);
}

TEST_F(Api, EarlyRoleComesBeforeAnyTokenIsComputed) {
  config.early_role = true;
  config.profile.engine.base = std::chrono::hours(1);
  start();
  TestClient client(port());
  client.send_request("POST", "/v1/chat/completions", chat(1));
  Response response = client.read_head();
  const auto role = client.read_chunk(response);
  ASSERT_TRUE(role);
  EXPECT_NE(role->find(R"("role":"assistant")"), std::string::npos);
}

TEST_F(Api, LegacyCompletionsStreamTextAndDefaultToSixteenTokens) {
  start();
  TestClient client(port());
  const auto events = client.post("/v1/completions", R"({"prompt":["one two"],"stream":true})").events();
  ASSERT_EQ(events.size(), 18u);
  EXPECT_EQ(Json(events[0]).text("/object"), "text_completion");
  EXPECT_NE(Json(events[0]).text("/choices/0/text", ""), "");
  EXPECT_EQ(Json(events[16]).text("/choices/0/finish_reason"), "length");
  const Json ids(client.post("/v1/completions", R"({"prompt":[1,2,3,4,5],"max_tokens":1})").body());
  EXPECT_EQ(ids.number("/usage/prompt_tokens"), 5);
}

TEST_F(Api, GenerateSendsAllTextSoFarInLines) {
  start();
  TestClient client(port());
  const Response stream = client.post("/generate", R"({"prompt":"say \"hi\"","max_tokens":3,"stream":true})");
  ASSERT_EQ(stream.chunks.size(), 3u);
  std::string before = "say \"hi\"";
  for (const std::string& chunk : stream.chunks) {
    EXPECT_TRUE(chunk.ends_with("}\n"));
    const std::string text = Json(chunk).text("/text/0");
    EXPECT_TRUE(text.starts_with(before)) << text;
    EXPECT_GT(text.size(), before.size());
    before = text;
  }
  const Json whole(client.post("/generate", R"({"prompt":"say","max_tokens":3})").body());
  EXPECT_TRUE(whole.text("/text/0").starts_with("say"));
}

TEST_F(Api, EndOfSequenceStopsEarlyUnlessIgnored) {
  config.eos_mean_tokens = 3;
  start();
  TestClient client(port());
  int stopped = 0;
  for (int i = 0; i < 20; ++i) {
    const Json json(client.post("/v1/chat/completions", chat(200, R"(,"min_tokens":2)")).body());
    stopped += json.text("/choices/0/finish_reason") == "stop";
    EXPECT_GE(json.number("/usage/completion_tokens"), 2);
  }
  EXPECT_EQ(stopped, 20);
  const Json ignored(client.post("/v1/chat/completions", chat(20, R"(,"ignore_eos":true)")).body());
  EXPECT_EQ(ignored.number("/usage/completion_tokens"), 20);
  EXPECT_EQ(ignored.text("/choices/0/finish_reason"), "length");
}

TEST_F(Api, TokenizeUsageAndMetricsCountPromptsAlike) {
  start();
  TestClient client(port());
  std::int64_t total = 0;
  for (std::string_view text : {"a", "What is a transformer?", "什么是量子计算?", "naïve 量 x", "🙂🙂"}) {
    const std::string messages = fmt::format(R"("messages":[{{"role":"user","content":"{}"}}])", text);
    const Json tokenized(client.post("/tokenize", "{" + messages + "}").body());
    const Json plain(client.post("/tokenize", fmt::format(R"({{"prompt":"{}"}})", text)).body());
    const Json used(client.post("/v1/chat/completions", "{" + messages + R"(,"max_tokens":1})").body());
    EXPECT_GE(tokenized.number("/count"), 1);
    EXPECT_EQ(tokenized.number("/max_model_len"), 4096);
    EXPECT_TRUE(tokenized.has(fmt::format("/tokens/{}", tokenized.number("/count") - 1)));
    EXPECT_EQ(tokenized.number("/count"), plain.number("/count")) << text;
    EXPECT_EQ(tokenized.number("/count"), used.number("/usage/prompt_tokens")) << text;
    total += used.number("/usage/prompt_tokens");
  }
  EXPECT_NE(
      client.get("/metrics")
          .body()
          .find(fmt::format("vllm:prompt_tokens_total{{engine=\"0\",model_name=\"tiny\"}} {}\n", total)),
      std::string::npos);
  EXPECT_EQ(host->stats().prompt_tokens_completed, total);
}

TEST_F(Api, ModelsVersionAndUnknownPaths) {
  start();
  TestClient client(port());
  const Json models(client.get("/v1/models").body());
  EXPECT_EQ(models.text("/data/0/id"), "tiny");
  EXPECT_EQ(models.number("/data/0/max_model_len"), 4096);
  EXPECT_TRUE(Json(client.get("/version").body()).has("/version"));
  EXPECT_EQ(client.get("/health").status, 200);
  EXPECT_EQ(client.get("/nowhere").status, 404);
  EXPECT_EQ(client.get("/v1/chat/completions").status, 405);
}

TEST_F(Api, BadRequestsGetVllmsErrorsAndAreCounted) {
  start();
  TestClient client(port());
  struct Case {
    std::string body;
    int status;
    std::string type;
  };
  const Case cases[] = {
      {R"({"model":"other","messages":[{"role":"user","content":"x"}]})", 404, "NotFoundError"},
      {R"({"messages":)", 400, "BadRequestError"},
      {R"([1])", 400, "BadRequestError"},
      {R"({"model":"tiny"})", 400, "BadRequestError"},
      {R"({"messages":[{"role":"user","content":"x"}],"n":2})", 400, "BadRequestError"},
      {R"({"messages":[{"role":"user","content":"x"}],"max_tokens":"9"})", 400, "BadRequestError"},
      {R"({"messages":[{"role":"user","content":"x"}],"max_tokens":0})", 400, "BadRequestError"},
      {R"({"messages":[{"role":"user","content":"x"}],"stream_options":{}})", 400, "BadRequestError"},
      {chat(4096), 400, "BadRequestError"},
  };
  for (const Case& c : cases) {
    const Response response = client.post("/v1/chat/completions", c.body);
    EXPECT_EQ(response.status, c.status) << c.body;
    const Json json(response.body());
    EXPECT_EQ(json.text("/error/type"), c.type) << c.body;
    EXPECT_EQ(json.number("/error/code"), c.status);
  }
  EXPECT_EQ(client.post("/v1/chat/completions", chat(4090)).status, 200);  // 6 + 4,090 fit exactly
  const HostStats stats = host->stats();
  EXPECT_EQ(stats.invalid, 9);
  EXPECT_EQ(stats.completed, 1);
  expect_balanced(stats);
}

TEST_F(Api, UsageBeyondWhatTheHostTakesIsRefusedByName) {
  const auto asking = [](UsageOption usage) {
    const std::string options(stream_options(usage));
    return chat(1, R"(,"stream":true)" + (options.empty() ? "" : R"(,"stream_options":)" + options));
  };
  for (const UsageOption taken : {UsageOption::kContinuous, UsageOption::kFinal, UsageOption::kNone}) {
    config.usage = taken;
    start();
    TestClient client(port());
    for (const UsageOption asked : {UsageOption::kContinuous, UsageOption::kFinal, UsageOption::kNone}) {
      const Response response = client.post("/v1/chat/completions", asking(asked));
      EXPECT_EQ(response.status, asked >= taken ? 200 : 400);
      const std::string_view name =
          taken == UsageOption::kFinal ? "continuous_usage_stats" : "stream_options";
      EXPECT_EQ(response.body().find(name) != std::string::npos, response.status == 400) << response.body();
    }
  }
}

TEST_F(Api, AnyModelServesEveryName) {
  config.any_model = true;
  start();
  TestClient client(port());
  const Json json(
      client.post("/v1/chat/completions", R"({"model":"x\"y","messages":[{"role":"user","content":"x"}]})")
          .body());
  EXPECT_EQ(json.text("/model"), "x\"y");
}

TEST_F(Api, KeyIsRequiredOnV1Only) {
  config.api_key = "secret";
  start();
  TestClient client(port());
  EXPECT_EQ(client.post("/v1/chat/completions", chat(1)).status, 401);
  EXPECT_EQ(client.post("/v1/chat/completions", chat(1), "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(client.post("/v1/chat/completions", chat(1), "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(client.get("/health").status, 200);
  EXPECT_EQ(client.get("/metrics").status, 200);
  expect_balanced(host->stats());
}

TEST_F(Api, ColdStartAnswers503) {
  config.load_time = std::chrono::hours(1);
  start();
  TestClient client(port());
  EXPECT_EQ(client.get("/health").status, 503);
  EXPECT_EQ(client.post("/v1/chat/completions", chat(1)).status, 503);
  EXPECT_EQ(host->stats().rejected, 1);
}

TEST_F(Api, ConnectionsAreKeptUnlessTheClientAsksToClose) {
  start();
  TestClient client(port());
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(client.post("/v1/chat/completions", chat(2)).events().back(), "[DONE]");
  EXPECT_EQ(host->stats().connections, 1);
  const Response last = client.post("/v1/chat/completions", chat(2), "Connection: close\r\n");
  EXPECT_EQ(last.events().back(), "[DONE]");
  EXPECT_EQ(client.read_end(), Response::End::kClosed);
}

TEST_F(Api, ARequestThatComesEarlyIsServedAfterTheFirst) {
  start();
  TestClient client(port());
  client.send_request("POST", "/v1/chat/completions", chat(20));
  client.send_request("POST", "/v1/chat/completions", chat(3));
  EXPECT_EQ(content_events(client.read_response()), 20);
  EXPECT_EQ(content_events(client.read_response()), 3);
  expect_balanced(host->stats());
}

TEST_F(Api, RequestIdsOfTheClientAreKept) {
  start();
  TestClient client(port());
  const Json json(client.post("/v1/chat/completions", chat(1, ""), "X-Request-Id: run7-slot3\r\n").body());
  EXPECT_EQ(json.text("/id"), "chatcmpl-run7-slot3");
}

TEST_F(Api, MetricsHaveEveryNameThatIsRead) {
  start();
  TestClient client(port());
  client.post("/v1/chat/completions", chat(4));
  const std::string engine = client.get("/metrics").body();
  for (std::string_view name :
       {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
        "vllm:num_preemptions_total", "vllm:request_queue_time_seconds_bucket",
        "vllm:request_queue_time_seconds_sum", "vllm:request_queue_time_seconds_count",
        "vllm:time_to_first_token_seconds_bucket", "vllm:prefix_cache_hits_total",
        "vllm:prefix_cache_queries_total", "vllm:generation_tokens_total"}) {
    EXPECT_NE(engine.find(fmt::format("\n{}{{engine=\"0\",model_name=\"tiny\"", name)), std::string::npos)
        << name;
  }
  EXPECT_NE(engine.find("vllm:generation_tokens_total{engine=\"0\",model_name=\"tiny\"} 4\n"),
            std::string::npos);
  EXPECT_NE(engine.find("vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"tiny\"} 1\n"),
            std::string::npos);
  const std::string gpu = client.get("/gpu/metrics").body();
  for (std::string_view name :
       {"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "DCGM_FI_PROF_DRAM_ACTIVE"}) {
    EXPECT_NE(gpu.find(fmt::format("\n{}{{gpu=\"0\"", name)), std::string::npos) << name;
  }
}

TEST_F(Api, ReplicasHaveTheirOwnPortsEnginesAndCounters) {
  config.replicas = 3;
  config.threads = 2;
  start();
  ASSERT_EQ(host->urls().size(), 3u);
  TestClient first(port(0)), last(port(2));
  EXPECT_EQ(content_events(first.post("/v1/chat/completions", chat(5))), 5);
  EXPECT_EQ(content_events(last.post("/v1/chat/completions", chat(7))), 7);
  const auto each = host->replica_stats();
  EXPECT_EQ(each[0].output_tokens, 5);
  EXPECT_EQ(each[1].output_tokens, 0);
  EXPECT_EQ(each[2].output_tokens, 7);
  const Json stats(first.get("/simhost/stats").body());
  EXPECT_EQ(stats.number("/requests/completed"), 2);
  EXPECT_EQ(stats.number("/tokens/output_sent"), 12);
  EXPECT_EQ(stats.number("/replicas/2/tokens/output_completed"), 7);
}

TEST_F(Api, PrefixCacheHitsShowInMetrics) {
  config.profile.engine.prefix_cache = true;
  start();
  TestClient client(port());
  const std::string prompt(256, 'q');  // 64 tokens, four blocks
  for (int i = 0; i < 2; ++i) {
    client.post("/v1/completions", fmt::format(R"({{"prompt":"{}","max_tokens":1}})", prompt));
  }
  const std::string metrics = client.get("/metrics").body();
  EXPECT_NE(metrics.find("vllm:prefix_cache_queries_total{engine=\"0\",model_name=\"tiny\"} 128\n"),
            std::string::npos);
  EXPECT_NE(metrics.find("vllm:prefix_cache_hits_total{engine=\"0\",model_name=\"tiny\"} 63\n"),
            std::string::npos);
}

TEST_F(Api, UsageDetailsTellCachedAndReasoningTokens) {
  config.profile.engine.prefix_cache = true;
  config.profile.reasoning_tokens = 2;
  config.usage_details = true;
  start();
  TestClient client(port());
  const std::string prompt(256, 'q');
  const std::string body = R"({"messages":[{"role":"user","content":")" + prompt + R"("}],"max_tokens":5})";
  for (const double cached : {0., 63.}) {  // the last position is always computed
    const Json json(client.post("/v1/chat/completions", body).body());
    EXPECT_EQ(json.number("/usage/prompt_tokens_details/cached_tokens"), cached);
    EXPECT_EQ(json.number("/usage/completion_tokens_details/reasoning_tokens"), 2);
  }
}

}  // namespace
}  // namespace kneepoint::simhost
