#include "coordinator/plan/plan_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(PlanPrinter, DescribesTheSweep) {
  EXPECT_EQ(describe_plan(load(kSweep)), R"(Plan sweep (seed 1)

Targets
  host: openai-chat, model qwen3-4b-instruct-2507
    http://127.0.0.1:8000
    auth      none
    timeouts  connect 10s, request 10m, silence in a stream 1m

Runs, in this order
  1. chat on host
     workload  1 prompt, at most 64 output tokens, temperature 0.7, streamed
     ramp      7 steps: 1 2 4 8 16 32 64
               each step: 2s warm-up, then 8s measured
               then the steps beside the knee again, up and down, 1m to 2m40s: confirm: false leaves them out
     slo       ttft p95 <= 500ms, tpot p95 <= 50ms
     time      1m10s, and 1m or more to confirm

In all 7 steps, about 1m17s and 1m or more to confirm.

Warnings
  - chat: the same prompt for up to 64 requests at once. Where the host has prefix caching, repeated prompts skip most of their prefill and TTFT is better than with real traffic; use more prompts, unique: true, or switch the cache off.
  - chat: a hold of 8s is short. Below 20s, or ten answers' time, intervals are wide and rows may be flagged SHORT_WINDOW.
)");
}

TEST(PlanPrinter, DescribesEverything) {
  const Plan plan = load(R"(
kneepoint: 1
name: full
seed: 7
targets:
  - name: prod
    urls: ["https://a.example/llm", "https://b.example/llm"]
    model: m
    auth: {env: PROD_TOKEN}
    headers: {X-Tenant: team-7}
    tls: {ca: /etc/ca.pem, cert: /etc/c.pem, key: /etc/k.pem, server_name: llm.internal}
    request_timeout: 1m30s
    token_limit: max_completion_tokens
  - {name: lab, url: "http://127.0.0.1:8000", api: vllm-generate, auth: {file: /run/token}}
scenarios:
  - name: repeats
    workload:
      system: Be brief.
      prompts: [{class: short, text: hi}, {class: long, texts: [one, two], weight: 3}]
      output_tokens: 1
      top_p: 0.9
      extra_body: {min_tokens: 1}
    ramp: {steps: [1, 2], requests: 200}
    slo: {ttft: {p50: 200ms, p99.9: 1s}, e2e: {p95: 1m}}
    targets: [lab]
  - name: batch
    workload: {prompts: [a, b, c, d], output_tokens: 8, stream: false}
    ramp: {from: 2, to: 4, by: 1, warmup: 20s, hold: 1m}
)");
  EXPECT_EQ(describe_plan(plan), R"(Plan full (seed 7)

Targets
  prod: openai-chat, model m
    https://a.example/llm
    https://b.example/llm
    auth      bearer token from environment variable PROD_TOKEN
    tls       verified against /etc/ca.pem, client certificate /etc/c.pem, server name llm.internal
    headers   X-Tenant
    lengths   limited by max_completion_tokens
    routing   pinned
    timeouts  connect 10s, request 1m30s, silence in a stream 1m
  lab: vllm-generate, the host's model
    http://127.0.0.1:8000
    auth      bearer token from file /run/token
    timeouts  connect 10s, request 10m, silence in a stream 1m

Runs, in this order
  1. repeats on lab
     workload  3 prompts in 2 classes (short, long x3), a system prompt, at most 1 output token, top_p 0.9, streamed
               extra body {"min_tokens":1}
     ramp      2 steps: 1 2
               each step: 200 requests
     slo       ttft p50 <= 200ms, ttft p99.9 <= 1s, e2e p95 <= 1m
     time      as long as 400 requests take
  2. batch on prod
     workload  4 prompts, at most 8 output tokens, not streamed
     ramp      3 steps: 2 3 4
               each step: 20s warm-up, then 1m measured
               then the steps beside the knee again, up and down, 8m to 21m20s: confirm: false leaves them out
     slo       none
     time      4m, and 8m or more to confirm
  3. batch on lab
     workload  4 prompts, at most 8 output tokens, not streamed
     ramp      3 steps: 2 3 4
               each step: 20s warm-up, then 1m measured
               then the steps beside the knee again, up and down, 8m to 21m20s: confirm: false leaves them out
     slo       none
     time      4m, and 8m or more to confirm

In all 8 steps, about 8m8s and 16m or more to confirm and the time of 400 requests more.
)");
}

TEST(PlanPrinter, SaysWhatFollowsTheRampAndWhatASoakIs) {
  const auto with = [](const std::string& ramp) { return describe_plan(load(Parts{.ramp = ramp}.text())); };
  EXPECT_THAT(with("{steps: [1, 2], warmup: 2s, hold: 20s, descend: true, proof: {agents: [1, 2]}}"),
              HasSubstr("     ramp      2 steps: 1 2\n"
                        "               each step: 2s warm-up, then 20s measured\n"
                        "               then a proof: the knee again with 1, then 2 agents\n"
                        "               then back down from the top, for hysteresis and recovery\n"
                        "     slo       none\n"
                        "     time      2m12s\n"));
  EXPECT_THAT(
      with("{search: {max: 64}, max_duration: 5m, descend: true}"),
      HasSubstr("     time      likely 5m for 15 to 30 steps, longer where answers take more than a few "
                "seconds; then the steps after it\n"));
  EXPECT_THAT(with("{soak: 64, hold: 4h}"),
              HasSubstr("     ramp      soak: 64 requests in flight for 4h, measured in bins of 5m\n"
                        "               10s warm-up\n"));
}

TEST(PlanPrinter, SaysWhatAReplicaIs) {
  EXPECT_THAT(
      describe_plan(load(
          Parts{.target = "{name: host, url: 'http://h:1', model: m, gpus: 8, cost_per_hour: 12.5}"}.text())),
      HasSubstr("    replica   8 GPUs, costs 12.5 an hour\n"));
}

TEST(PlanPrinter, PlannedTime) {
  EXPECT_EQ(planned_time({.steps = {1, 2, 1}, .warmup = 2s, .hold = 8s, .descend = true, .proof = {1}}),
            Nanos(60s));
  EXPECT_EQ(planned_time({.steps = {1, 2, 4}, .warmup = 2s, .hold = 8s}), Nanos(30s));
  EXPECT_EQ(planned_time({.steps = {1}, .requests = 10}), std::nullopt);
}

TEST(PlanPrinter, ForecastsSearchesByWhatSearchesTook) {
  const Forecast free = forecast({.search = Search{}});
  EXPECT_EQ(free.fewest_steps, 15u);
  EXPECT_EQ(free.most_steps, 30u);
  EXPECT_EQ(free.least, Nanos(10min));
  EXPECT_EQ(free.most, Nanos(25min));
  EXPECT_EQ(forecast({.search = Search{.max_duration = 20min}}).most, Nanos(20min));
  EXPECT_EQ(forecast({.warmup = 4s, .hold = 15s, .search = Search{}}).least, Nanos(15 * 20s));
}

TEST(PlanPrinter, ASearchSaysHowManyStepsThereUsuallyAre) {
  const Ramp search{.search = Search{}};
  EXPECT_EQ(of_a_search(search, 20), " of 15 to 30");
  EXPECT_EQ(of_a_search(search, 31), " (30 are usual)");
  EXPECT_EQ(of_a_search({.search = Search{}, .descend = true}, 1), " of 15 to 30, then descent");
  EXPECT_EQ(of_a_search({.search = Search{}, .proof = {1, 2}}, 1), " of 15 to 30, then proof");
  EXPECT_EQ(of_a_search({.search = Search{}, .descend = true, .proof = {1, 2}}, 1),
            " of 15 to 30, then proof and descent");
}

TEST(PlanPrinter, ASearchIsToldInStepsAndTime) {
  const std::string text = describe_plan(load(R"(kneepoint: 1
targets: [{name: host, url: "http://127.0.0.1:8000", model: m}]
scenarios:
  - name: chat
    workload: {prompts: [hi], output_tokens: 8}
    ramp: {search: {max: 64}, max_duration: 20m}
  - name: fixed
    workload: {prompts: [hi], output_tokens: 8}
    ramp: {steps: [1, 2], warmup: 10s, hold: 49s}
)"));
  EXPECT_THAT(text, HasSubstr("time      likely 10m to 20m for 15 to 30 steps"));
  EXPECT_THAT(text, HasSubstr("In all 17 to 32 steps, about 12m to 22m.\n"));
}

std::vector<std::string> warnings_of(const Parts& parts) {
  return plan_warnings(load(parts.text()));
}

const Parts kQuiet{.target = "{name: host, url: 'http://10.0.0.5:1', model: m}",
                   .workload = "{prompts: [a, b], output_tokens: 8}",
                   .ramp = "{steps: [1, 2]}"};

Parts with(std::string Parts::*part, const std::string& text) {
  Parts parts = kQuiet;
  parts.*part = text;
  return parts;
}

TEST(PlanWarnings, NoneWhereAllIsWell) {
  EXPECT_THAT(warnings_of(kQuiet), IsEmpty());
}

TEST(PlanWarnings, EachOnItsOwn) {
  const struct {
    Parts parts;
    const char* warning;
  } cases[] = {
      {with(&Parts::workload, "{prompts: [a], output_tokens: 8}"),
       "chat: the same prompt for up to 2 requests at once"},
      {with(&Parts::ramp, "{steps: [1, 8]}"), "chat: 2 prompts for up to 8 requests at once"},
      {with(&Parts::workload, "{prompts: [a, b]}"), "chat: without output_tokens"},
      {with(&Parts::ramp, "{steps: [1, 2], hold: 8s}"), "chat: a hold of 8s is short"},
      {with(&Parts::ramp, "{steps: [1, 2], warmup: 0s}"), "chat: without a warm-up"},
      {with(&Parts::ramp, "{steps: [1, 2], requests: 1}"), "chat: 1 request cannot keep 2 in flight"},
      {with(&Parts::target, "{name: host, urls: ['http://a', 'http://b'], model: m}"),
       "chat: a step of 1 leaves some of the 2 replicas of host idle"},
      {with(&Parts::target, "{name: host, url: 'http://10.0.0.5', model: m, auth: {env: A}}"),
       "target host: the token travels unencrypted"},
      {with(&Parts::target, "{name: host, url: 'https://10.0.0.5', model: m, tls: {verify: false}}"),
       "target host: the host's certificate is not verified"},
      {with(&Parts::target, "{name: host, url: 'http://10.0.0.5', model: m, tls: {ca: a.pem}}"),
       "target host: its tls settings have no effect"},
      {with(&Parts::target,
            "{name: host, url: 'http://h', model: m}\n  - {name: spare, url: 'http://i', model: m}\n"),
       nullptr},
  };
  for (const auto& [parts, warning] : cases) {
    if (warning == nullptr) {
      EXPECT_THAT(warnings_of(parts), IsEmpty()) << "every target runs unless a scenario chooses";
    } else {
      const auto warnings = warnings_of(parts);
      ASSERT_EQ(warnings.size(), 1u) << warning << "\n" << parts.text();
      EXPECT_THAT(warnings[0], testing::StartsWith(warning));
    }
  }
}

TEST(PlanWarnings, FewRequestsBehindALimit) {
  Parts parts = with(&Parts::ramp, "{steps: [1], requests: 30}");
  parts.more = "slo: {ttft: {p95: 1s}}";
  EXPECT_THAT(warnings_of(parts),
              Contains(HasSubstr("30 requests a step are too few to judge a limit; p95 needs 130")));
}

TEST(PlanWarnings, ATargetThatNobodyUses) {
  Parts parts = with(&Parts::target,
                     "{name: host, url: 'http://h', model: m}\n  - {name: spare, url: 'http://i', model: m}");
  parts.more = "targets: [host]";
  EXPECT_THAT(warnings_of(parts), Contains("target spare: no scenario runs on it."));
}

TEST(PlanPrinter, NeverShowsPromptsOrHeaderValues) {
  const Plan plan = load(Parts{.target = "{name: host, url: 'http://h', model: m, headers: {X-Key: hunter2}}",
                               .workload = "{prompts: [private question], system: hidden rules}"}
                             .text());
  const std::string text = describe_plan(plan);
  for (const char* hidden : {"hunter2", "private question", "hidden rules"})
    EXPECT_THAT(text, Not(HasSubstr(hidden)));
}

}  // namespace
}  // namespace kneepoint::coordinator
