#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/init/host_probe.h"
#include "coordinator/init/host_words.h"
#include "coordinator/init/preflight.h"
#include "coordinator/init/quick_plan.h"
#include "coordinator/init/starting_plan.h"
#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/ready_dialects.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

HostFacts facts(std::string model, std::optional<std::uint64_t> max_length = 32'768) {
  return {.url = "http://127.0.0.1:8000", .models = {{.id = std::move(model), .max_length = max_length}}};
}

Plan load(const HostFacts& host) {
  const std::string text = *starting_plan({host}, "gpu-1");
  auto plan = parse_plan(text, "gpu-1.yaml",
                         {.set = {}, .environment = [](const char*) -> const char* { return nullptr; }});
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message) << "\n" << text;
  return plan ? *std::move(plan) : Plan{};
}

TEST(StartingPlan, LoadsAndSaysWhatTheHostSaid) {
  HostFacts host = facts("tiny");
  host.healthy = true;
  host.engine = Engine::kVllm;
  host.version = "0.26.0";
  host.usage = UsageReport::kRunning;
  host.auth = {.source = SecretRef::Source::kEnvironment, .name = "GPU_TOKEN"};
  const std::string text = *starting_plan({host}, "gpu-1");
  EXPECT_THAT(text, testing::StartsWith("# yaml-language-server: $schema=plan.schema.json\n"));
  EXPECT_THAT(text, HasSubstr("#   model tiny, at most 32768 tokens"));
  EXPECT_THAT(text, HasSubstr("/health says ready; /metrics are those of vLLM 0.26.0"));
  const Plan plan = load(host);
  EXPECT_EQ(plan.name, "gpu-1");
  EXPECT_EQ(plan.targets.at(0).model, "tiny");
  EXPECT_EQ(plan.targets[0].auth.name, "GPU_TOKEN");
  EXPECT_TRUE(plan.scenarios.at(0).ramp.search);
  EXPECT_EQ(plan.scenarios[0].slo.size(), 2u);
}

TEST(StartingPlan, FitsTheModelsContext) {
  for (const std::uint64_t length : {4u, 128u, 2048u, 1'000'000u}) {
    const Plan plan = load(facts("tiny", length));
    const Workload& workload = plan.scenarios.at(0).workload;
    EXPECT_LE(workload.synthetic->input_tokens.mean + 1.5 * workload.output_tokens->mean,
              static_cast<double>(length));
  }
}

TEST(StartingPlan, AnswersAreNotAllOfOneLength) {
  const Plan plan = load(facts("tiny", 32768));
  const auto& lengths = *plan.scenarios.at(0).workload.output_tokens;
  EXPECT_EQ(lengths.kind, Distribution::Kind::kUniform);
  EXPECT_LT(lengths.min, lengths.max);
}

TEST(StartingPlan, ModelNamesStayText) {
  for (const std::string name : {"a \"quoted\" \\ name", "${HOME}", "line\nkneepoint: 2", "org/model:tag # x",
                                 "模型", "{a: b}", "'"}) {
    const Plan plan = load(facts(name));
    EXPECT_EQ(plan.targets.at(0).model, name);
  }
}

TEST(StartingPlan, WhatTheHostLacksIsSaid) {
  HostFacts host = facts("tiny", {});
  host.api = Api::kOpenAiCompletions;
  const std::string text = *starting_plan({host}, "plan");
  EXPECT_THAT(text, HasSubstr("/health is not there, or was not asked; there are no /metrics"));
  EXPECT_THAT(text, HasSubstr("it does not count tokens"));
  EXPECT_EQ(load(host).targets.at(0).api, Api::kOpenAiCompletions);
}

TEST(StartingPlan, NamesTheLimitThatTheHostTakes) {
  HostFacts host = facts("tiny");
  EXPECT_EQ(load(host).targets.at(0).token_limit, TokenLimit::kMaxTokens);
  host.token_limit = TokenLimit::kMaxCompletionTokens;
  EXPECT_EQ(load(host).targets.at(0).token_limit, TokenLimit::kMaxCompletionTokens);
  const auto quick = quick_plan({host}, "quick", {});
  ASSERT_TRUE(quick);
  EXPECT_EQ(parse_plan(*quick, "quick.yaml", {})->targets.at(0).token_limit,
            TokenLimit::kMaxCompletionTokens);
}

TEST(StartingPlan, AHostThatDoesNotStreamIsHeldToWholeAnswers) {
  HostFacts host = facts("tiny");
  host.streams = false;
  const Plan plan = load(host);
  EXPECT_FALSE(plan.scenarios.at(0).workload.stream);
  ASSERT_EQ(plan.scenarios[0].slo.size(), 1u);
  EXPECT_EQ(plan.scenarios[0].slo[0].metric, SloMetric::kE2e);
  EXPECT_THAT(*starting_plan({host}, "gpu-1"), HasSubstr("it answers whole"));
}

TEST(QuickPlan, AHostThatDoesNotStreamIsHeldToWholeAnswers) {
  HostFacts host = facts("tiny"), streams = facts("tiny");
  host.streams = false;
  const auto text = quick_plan({host}, "quick", {.output_tokens = 100});
  ASSERT_TRUE(text) << text.error().message;
  const auto plan = parse_plan(*text, "quick.yaml", {});
  ASSERT_TRUE(plan) << plan.error().message << "\n" << *text;
  EXPECT_FALSE(plan->scenarios.at(0).workload.stream);
  EXPECT_EQ(plan->scenarios[0].slo.at(0).limit, std::chrono::seconds(6))
      << "half a second and 100 times 50 ms";
  EXPECT_TRUE(quick_plan({host}, "quick", {.slo = {"e2e_p50<3s"}}));
  const auto refused = quick_plan({host}, "quick", {.slo = {"ttft_p95<1s"}});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("does not stream, so 'ttft_p95<1s' cannot be measured"));
  EXPECT_FALSE(quick_plan({host, streams}, "quick", {}));
}

HostFacts embeddings(std::optional<std::uint64_t> max_length = 512) {
  HostFacts host = facts("bge-m3", max_length);
  host.api = Api::kCustom;
  host.dialect = "openai-embeddings";
  host.streams = host.writes_text = false;
  return host;
}

TEST(StartingPlan, NamesAReadyDescriptionAsAUserWould) {
  for (const ReadyDialect& ready : ready_dialects()) {
    HostFacts host = facts("tiny");
    host.api = Api::kCustom;
    host.dialect = ready.name;
    EXPECT_THAT(*starting_plan({host}, "p"),
                HasSubstr("dialect: dialects/" + std::string(ready.name) + ".yaml"));
    EXPECT_EQ(load(host).targets.at(0).dialect, *read_ready_dialect(ready)) << ready.name;
    const auto quick = quick_plan({host}, "quick", {});
    ASSERT_TRUE(quick);
    EXPECT_EQ(parse_plan(*quick, "quick.yaml", {})->targets.at(0).dialect, *read_ready_dialect(ready));
  }
}

TEST(StartingPlan, AHostOfEmbeddingsHasNoAnswersOfALength) {
  const Plan plan = load(embeddings());
  const Workload& workload = plan.scenarios.at(0).workload;
  EXPECT_FALSE(workload.stream);
  EXPECT_FALSE(workload.output_tokens);
  EXPECT_FALSE(workload.temperature);
  ASSERT_EQ(plan.scenarios[0].slo.size(), 1u);
  EXPECT_EQ(plan.scenarios[0].slo[0].metric, SloMetric::kE2e);
  EXPECT_EQ(plan.scenarios[0].slo[0].limit, std::chrono::milliseconds(200));
  const auto quick = quick_plan({embeddings()}, "quick", {.input_tokens = 512});
  ASSERT_TRUE(quick) << "no answer needs room: " << quick.error().message;
  const auto brief = parse_plan(*quick, "quick.yaml", {});
  ASSERT_TRUE(brief) << brief.error().message << "\n" << *quick;
  EXPECT_FALSE(brief->scenarios.at(0).workload.output_tokens);
  EXPECT_EQ(brief->scenarios[0].slo.at(0).limit, std::chrono::milliseconds(200));
  EXPECT_FALSE(quick_plan({embeddings(100)}, "quick", {}));
  HostFacts chats = facts("bge-m3");
  EXPECT_FALSE(quick_plan({embeddings(), chats}, "quick", {}));
}

TEST(StartingPlan, ATemperatureThatIsRefusedIsNotWritten) {
  HostFacts host = facts("tiny");
  EXPECT_EQ(load(host).scenarios.at(0).workload.temperature, kPlanTemperature);
  host.takes_temperature = false;
  EXPECT_FALSE(load(host).scenarios.at(0).workload.temperature);
  const auto quick = quick_plan({host}, "quick", {});
  ASSERT_TRUE(quick);
  EXPECT_FALSE(parse_plan(*quick, "quick.yaml", {})->scenarios.at(0).workload.temperature);
  EXPECT_FALSE(quick_plan({host, facts("tiny")}, "quick", {}));
}

TEST(QuickPlan, IsShortenedByItsVariables) {
  HostFacts host = facts("tiny");
  const QuickShape shape{.steps = {1, 8, 32}};
  const auto text = quick_plan({host}, "quick", shape);
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, testing::StartsWith("# yaml-language-server: $schema=plan.schema.json\n"));
  const auto whole = parse_plan(*text, "quick.yaml", {});
  ASSERT_TRUE(whole) << whole.error().message << "\n" << *text;
  EXPECT_EQ(whole->scenarios.at(0).ramp.hold, std::chrono::seconds(60));
  EXPECT_TRUE(whole->scenarios[0].ramp.confirm);
  const auto set = variables_from_flags(quick_settings(shape, std::chrono::seconds(30)));
  ASSERT_TRUE(set);
  const auto brief = parse_plan(*text, "quick.yaml", *set);
  ASSERT_TRUE(brief) << brief.error().message;
  EXPECT_EQ(brief->scenarios.at(0).ramp.warmup, std::chrono::seconds(2));
  EXPECT_EQ(brief->scenarios[0].ramp.hold, std::chrono::seconds(8));
  EXPECT_FALSE(brief->scenarios[0].ramp.confirm);
  EXPECT_EQ(brief->scenarios[0].slo.size(), 2u);
}

TEST(QuickPlan, SearchesWithinItsTime) {
  const QuickShape shape{.search = true};
  const auto text = quick_plan({facts("tiny")}, "quick", shape);
  ASSERT_TRUE(text);
  const auto set = variables_from_flags(quick_settings(shape, std::chrono::seconds(5)));
  const auto plan = parse_plan(*text, "quick.yaml", *set);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->scenarios.at(0).ramp.search->max_duration, std::chrono::minutes(1));
}

TEST(QuickPlan, SeveralPercentilesOfOneMetricStandTogether) {
  const auto text =
      quick_plan({facts("tiny")}, "q", {.slo = {"ttft_p50<=200ms", "e2e_p99<9s", "ttft_p95<1s"}});
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("      ttft: {p50: 200ms, p95: 1s}\n      e2e: {p99: 9s}\n"));
  EXPECT_TRUE(parse_plan(*text, "q.yaml", {}));
}

TEST(QuickPlan, WhatIsNoLimitIsRefused) {
  for (const std::string limit : {"", "fast", "ttft_p95", "ttft_p95<", "ttft_p95<500", "ttft<5s", "_p95<5s",
                                  "a: b_p9<1s", "ttft_p95>5s", "ttft_p95<5s\n"}) {
    EXPECT_FALSE(quick_plan({facts("tiny")}, "q", {.slo = {limit}})) << limit;
  }
}

TEST(QuickPlan, HostsThatAreNoReplicasAreRefused) {
  HostFacts one = facts("tiny"), other = facts("large"), completions = facts("tiny"), newer = facts("tiny");
  completions.api = Api::kOpenAiCompletions;
  newer.token_limit = TokenLimit::kMaxCompletionTokens;
  const auto mixed = quick_plan({one, other}, "q", {});
  ASSERT_FALSE(mixed);
  EXPECT_THAT(mixed.error().message, HasSubstr("does not serve 'tiny' but 'large'"));
  EXPECT_FALSE(quick_plan({one, completions}, "q", {}));
  EXPECT_FALSE(quick_plan({one, newer}, "q", {}));
  EXPECT_FALSE(quick_plan({one, facts("tiny", 300)}, "q", {})) << "the smallest context of all counts";
  EXPECT_TRUE(quick_plan({one, facts("tiny", {})}, "q", {}));
}

TEST(QuickPlan, LoadsRise) {
  EXPECT_THAT(*parse_loads("1,8,32"), testing::ElementsAre(1, 8, 32));
  for (const std::string text : {"", "0", "8,4", "4,4", "1,,2", "1,", ",1", "a", "1;2", "-1", "99999999999"})
    EXPECT_FALSE(parse_loads(text)) << text;
}

TEST(Preflight, TakesWhatServesTheModel) {
  const Target target{.model = "tiny"};
  const auto judged = [&](std::string body, int status = 200, std::optional<std::uint64_t> longest = {}) {
    return judge_models(target, {.status = status, .body = std::move(body)}, longest);
  };
  EXPECT_EQ(judged(R"({"data":[{"id":"large"},{"id":"tiny"}]})"), "");
  EXPECT_EQ(judged(R"({"data":[{"id":"tiny","max_model_len":100}]})", 200, 100), "");
  EXPECT_EQ(judged(R"({"data":[{"id":"x.gguf","owned_by":"llamacpp"}]})"), "") << "it takes any name";
  // No list is no evidence against the host.
  for (const std::string body :
       {"", "{}", "not found", R"({"data":[]})", R"({"data":{}})", R"({"data":[1,{"id":2}]})"})
    EXPECT_EQ(judged(body), "") << body;
  EXPECT_EQ(judged("no such page", 404), "");
}

TEST(Preflight, SaysWhatIsWrongInTheHostsOwnWords) {
  Target target{.model = "tiny"};
  EXPECT_EQ(judge_models(target, {.status = 200, .body = R"({"data":[{"id":"a"},{"id":"b\u001b"}]})"}, {}),
            "it does not serve 'tiny' but 'a', 'b?'; correct model in the plan");
  EXPECT_THAT(
      judge_models(target, {.status = 200, .body = R"({"data":[{"id":"tiny","max_model_len":100}]})"}, 101),
      HasSubstr("context of 100 tokens is too short for 101"));
  EXPECT_THAT(judge_models(target, {.status = 401, .body = "who are you?"}, {}),
              HasSubstr("asks for a key (HTTP 401: who are you?)"));
  target.auth = {.source = SecretRef::Source::kEnvironment, .name = "TOKEN"};
  EXPECT_THAT(judge_models(target, {.status = 403, .body = ""}, {}),
              HasSubstr("does not take the key (HTTP 403)"));
}

TEST(Preflight, AHostThatIsNotWellIsNotLoaded) {
  for (const int status : {500, 502, 503, 504}) {
    EXPECT_THAT(not_well("/v1/models", {.status = status, .body = "loading"}),
                HasSubstr("/v1/models answers HTTP " + std::to_string(status) + ": loading"));
  }
  for (const int status : {200, 404, 405, 429, 501}) EXPECT_EQ(not_well("/health", {.status = status}), "");
}

TEST(Preflight, TheSchemeThatIsMeantIsSaid) {
  EXPECT_THAT(unreachable("https://h:1", "h:1: wrong version number"),
              HasSubstr("Then write http:// in its URL"));
  EXPECT_THAT(unreachable("http://h:1", "h:1: end of stream"), HasSubstr("Then write https:// in its URL"));
  EXPECT_EQ(unreachable("http://h:1", "h:1: Connection refused"), "h:1: Connection refused");
  for (const std::string said : {"h:1: it closed the connection", "h:1: Connection reset by peer"})
    EXPECT_THAT(unreachable("http://h:1", said), HasSubstr(said + "; does it want TLS?"));
}

TEST(Preflight, WhatIsUnreachableIsSaidWithTheWayOut) {
  EXPECT_EQ(unreachable("http://h:1", "no answer within 10 s"),
            "http://h:1: no answer within 10 s; try curl -v from this machine");
  EXPECT_THAT(unreachable("https://h:1", "h:1: certificate verify failed (SSL routines)"),
              HasSubstr("SSL_CERT_FILE=FILE"));
}

TEST(Preflight, ARedirectIsSaidAndNotItsTicket) {
  EXPECT_EQ(redirected("/v1/models", {.status = 302, .location = "https://login.example/sso?ticket=secret"}),
            "/v1/models redirects to https://login.example/sso (HTTP 302), which is not followed; write the "
            "URL of the server itself");
  EXPECT_THAT(redirected("/v1/models", {.status = 308}), HasSubstr("/v1/models redirects (HTTP 308), "));
  for (const int status : {200, 300, 304, 404}) EXPECT_EQ(redirected("/", {.status = status}), "");
}

TEST(Preflight, AClockThatIsOffIsSaid) {
  const RealTime now{std::chrono::seconds(784111777)};  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(clock_remark("Sun, 06 Nov 1994 08:49:37 GMT", now), "");
  EXPECT_EQ(clock_remark("Sun, 06 Nov 1994 08:49:35 GMT", now), "");
  EXPECT_THAT(clock_remark("Sun, 06 Nov 1994 09:49:37 GMT", now),
              HasSubstr("its clock is 60 min 0 s ahead of"));
  EXPECT_THAT(clock_remark("Sun, 06 Nov 1994 08:49:17 GMT", now), HasSubstr("its clock is 20.0 s behind"));
  EXPECT_EQ(clock_remark("", now), "");
  EXPECT_EQ(clock_remark("yesterday", now), "");
  EXPECT_THAT(clock_remark("Sun, 06 Nov 7263 08:49:37 GMT", now), HasSubstr("ahead of"));
}

}  // namespace
}  // namespace kneepoint::coordinator
