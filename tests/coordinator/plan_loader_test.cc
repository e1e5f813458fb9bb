#include "coordinator/plan/plan_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "coordinator/plan/ramp_reader.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(PlanLoader, ReadsTheSweep) {
  const Plan plan = load(kSweep);
  const Plan expected{
      .name = "sweep",
      .targets = {{.name = "host", .urls = {"http://127.0.0.1:8000"}, .model = "qwen3-4b-instruct-2507"}},
      .scenarios = {{.name = "chat",
                     .workload = {.classes = {{.name = "default", .prompts = {"What is a transformer?"}}},
                                  .output_tokens = 64,
                                  .temperature = 0.7},
                     .ramp = {.steps = {1, 2, 4, 8, 16, 32, 64}, .warmup = 2s, .hold = 8s, .confirm = true},
                     .slo = {{SloMetric::kTtft, 0.95, 500ms}, {SloMetric::kTpot, 0.95, 50ms}}}}};
  EXPECT_EQ(plan.name, expected.name);
  EXPECT_EQ(plan.targets, expected.targets);
  EXPECT_EQ(plan.scenarios, expected.scenarios);
  EXPECT_EQ(plan.seed, 1u);
  EXPECT_EQ(plan.source_text, kSweep);
}

TEST(PlanLoader, FillsInDefaults) {
  const Plan plan = load(Parts{}.text());
  ASSERT_EQ(plan.targets.size(), 1u);
  EXPECT_EQ(plan.name, "sweep") << "the file's stem";
  EXPECT_EQ(plan.targets[0].api, Api::kOpenAiChat);
  EXPECT_EQ(plan.targets[0].auth.source, SecretRef::Source::kNone);
  EXPECT_TRUE(plan.targets[0].tls.verify);
  EXPECT_EQ(plan.targets[0].connect_timeout, 10s);
  EXPECT_EQ(plan.targets[0].request_timeout, 10min);
  EXPECT_EQ(plan.targets[0].idle_timeout, 60s);
  ASSERT_EQ(plan.scenarios.size(), 1u);
  EXPECT_TRUE(plan.scenarios[0].workload.stream);
  EXPECT_EQ(plan.scenarios[0].workload.output_tokens, std::nullopt);
  EXPECT_EQ(plan.scenarios[0].ramp.warmup, 10s);
  EXPECT_EQ(plan.scenarios[0].ramp.hold, 30s);
  EXPECT_TRUE(plan.scenarios[0].slo.empty());
  EXPECT_TRUE(plan.scenarios[0].targets.empty());
}

TEST(PlanLoader, ReadsEveryTargetKey) {
  const Plan plan = load(R"(
kneepoint: 1
name: full
seed: 42
targets:
  - name: prod
    urls: ["https://a.example:8443/llm/", "https://b.example/llm/v1"]
    api: openai-completions
    model: m
    auth: {env: PROD_TOKEN}
    headers: {X-Tenant: team-7}
    tls: {verify: false, ca: /etc/ca.pem, cert: /etc/c.pem, key: /etc/k.pem, server_name: llm.internal}
    connect_timeout: 2s
    request_timeout: 1m30s
    idle_timeout: 500ms
  - {name: vllm, url: "http://v:8000", api: vllm-generate, auth: {file: /run/token}}
scenarios:
  - name: batch
    targets: [vllm]
    workload: {prompts: [a], stream: false}
    ramp: {steps: [4], requests: 10}
    slo: {e2e: {p50: 1s, p99.9: 1m}}
)");
  const Target prod{.name = "prod",
                    .urls = {"https://a.example:8443/llm", "https://b.example/llm"},
                    .api = Api::kOpenAiCompletions,
                    .model = "m",
                    .auth = {SecretRef::Source::kEnvironment, "PROD_TOKEN"},
                    .headers = {{"X-Tenant", "team-7"}},
                    .tls = {.verify = false,
                            .ca_file = "/etc/ca.pem",
                            .client_cert = "/etc/c.pem",
                            .client_key = "/etc/k.pem",
                            .server_name = "llm.internal"},
                    .connect_timeout = 2s,
                    .request_timeout = 90s,
                    .idle_timeout = 500ms};
  ASSERT_EQ(plan.targets.size(), 2u);
  EXPECT_EQ(plan.targets[0], prod);
  EXPECT_EQ(plan.targets[1].auth, (SecretRef{SecretRef::Source::kFile, "/run/token"}));
  EXPECT_EQ(plan.seed, 42u);
  ASSERT_EQ(plan.scenarios.size(), 1u);
  const Scenario& batch = plan.scenarios[0];
  EXPECT_FALSE(batch.workload.stream);
  EXPECT_EQ(batch.ramp, (Ramp{.steps = {4}, .warmup = 0s, .requests = 10}));
  ASSERT_EQ(batch.slo.size(), 2u);
  EXPECT_EQ(batch.slo[0].name(), "e2e_p50");
  EXPECT_EQ(batch.slo[1].name(), "e2e_p99.9");
  EXPECT_THAT(batch.targets, ElementsAre("vllm"));
}

TEST(PlanLoader, ReadsPromptClasses) {
  const Plan plan =
      load(Parts{.workload = "{system: Be brief., top_p: 0.9, prompts: [{class: short, text: hi}, "
                             "{class: long, texts: [one, two], weight: 3}]}"}
               .text());
  ASSERT_EQ(plan.scenarios.size(), 1u);
  const Workload& workload = plan.scenarios[0].workload;
  EXPECT_THAT(workload.classes,
              ElementsAre(PromptClass{"short", {"hi"}, 1}, PromptClass{"long", {"one", "two"}, 3}));
  EXPECT_EQ(workload.system, "Be brief.");
  EXPECT_EQ(workload.top_p, 0.9);
}

TEST(PlanLoader, ABaseUrlLosesSlashesAndVersion) {
  const auto url = [](const std::string& text) {
    const Plan plan = load(Parts{.target = "{name: h, model: m, url: '" + text + "'}"}.text());
    return plan.targets.empty() ? "" : plan.targets[0].urls[0];
  };
  EXPECT_EQ(url("http://h:8000"), "http://h:8000");
  EXPECT_EQ(url("http://h:8000/"), "http://h:8000");
  EXPECT_EQ(url("http://h:8000/v1"), "http://h:8000");
  EXPECT_EQ(url("http://h:8000/v1/"), "http://h:8000");
  EXPECT_EQ(url("https://h/gateway/qwen/v1"), "https://h/gateway/qwen");
  EXPECT_EQ(url("http://[::1]:8000"), "http://[::1]:8000");
}

TEST(PlanLoader, ASearchHasDefaultsAndBounds) {
  const auto ramp = [](const std::string& text) {
    return load(Parts{.ramp = text}.text()).scenarios.at(0).ramp;
  };
  EXPECT_EQ(ramp("{search: {max: 512}}"), (Ramp{.warmup = 5s, .search = Search{.max = 512}}));
  EXPECT_EQ(ramp("{soak: 64, hold: 4h}"), (Ramp{.steps = {64}, .warmup = 10s, .hold = 4h, .soak = true}));
  EXPECT_EQ(ramp("{soak: 64}").hold, 1h);
  EXPECT_EQ(ramp("{steps: [1], descend: true, proof: {agents: [2, 1]}}"),
            (Ramp{.steps = {1}, .warmup = 10s, .hold = 30s, .descend = true, .proof = {2, 1}}));
  EXPECT_EQ(ramp("{search: {}}"), (Ramp{.warmup = 5s, .search = Search{}}));
  EXPECT_EQ(ramp("{search: {max: 64, precision: 0.05}, warmup: 10s, hold: 20s, max_duration: 20m}"),
            (Ramp{.warmup = 10s,
                  .hold = 20s,
                  .search = Search{.max = 64, .max_duration = 20min, .precision = 0.05}}));
}

/// What has no steady state, no intervals or no knee cannot be confirmed.
TEST(PlanLoader, FixedStepsConfirmUnlessToldOtherwise) {
  const auto confirms = [](const std::string& text) {
    return load(Parts{.ramp = text}.text()).scenarios.at(0).ramp.confirm;
  };
  EXPECT_TRUE(confirms("{steps: [1, 2, 4]}"));
  EXPECT_TRUE(confirms("{from: 64, to: 1}"));
  EXPECT_TRUE(confirms("{rate: [5, 10, 20]}"));
  EXPECT_TRUE(confirms("{steps: [1, 2, 4], confirm: true}"));
  EXPECT_FALSE(confirms("{steps: [1, 2, 4], confirm: false}"));
  EXPECT_FALSE(confirms("{steps: [8]}"));
  EXPECT_FALSE(confirms("{steps: [8, 64, 8]}")) << "two loads tell no knee";
  EXPECT_FALSE(confirms("{steps: [1, 2, 4], requests: 10}"));
  EXPECT_FALSE(confirms("{soak: 8, hold: 1h}"));
  EXPECT_FALSE(confirms("{from: 1, to: 64, over: 5m}"));
  EXPECT_FALSE(confirms("{search: {max: 64}}")) << "it does so by itself";
  EXPECT_NE(error_of(Parts{.ramp = "{search: {max: 64}, confirm: false}"}.text()).find("confirm"),
            std::string::npos);
}

TEST(PlanLoader, StepsFromARange) {
  const auto steps = [](const std::string& ramp) {
    const Plan plan = load(Parts{.ramp = ramp}.text());
    return plan.scenarios.empty() ? std::vector<std::uint32_t>{} : plan.scenarios[0].ramp.steps;
  };
  EXPECT_THAT(steps("{from: 1, to: 32, factor: 2}"), ElementsAre(1, 2, 4, 8, 16, 32));
  EXPECT_THAT(steps("{from: 1, to: 20}"), ElementsAre(1, 2, 4, 8, 16, 20))
      << "factor 2, and 'to' always last";
  EXPECT_THAT(steps("{from: 1, to: 4, factor: 1.3}"), ElementsAre(1, 2, 3, 4)) << "rounding repeats no step";
  EXPECT_THAT(steps("{from: 16, to: 1, factor: 4}"), ElementsAre(16, 4, 1));
  EXPECT_THAT(steps("{from: 2, to: 9, by: 3}"), ElementsAre(2, 5, 8, 9));
  EXPECT_THAT(steps("{from: 9, to: 2, by: 4}"), ElementsAre(9, 5, 2));
  EXPECT_THAT(steps("{from: 5, to: 5}"), ElementsAre(5));
  EXPECT_THAT(steps("{from: 999999, to: 1000000, by: 1000000}"), ElementsAre(999999, 1000000));
  EXPECT_THAT(steps("{steps: [1, 8, 8, 1]}"), ElementsAre(1, 8, 8, 1))
      << "falling and repeated steps are wanted";
}

TEST(PlanLoader, AnchorsAndMergeKeysWork) {
  const Plan plan = load(R"(
kneepoint: 1
targets: [{name: h, url: "http://h:1", model: m}]
scenarios:
  - name: one
    workload: &base {prompts: [a], output_tokens: 8, temperature: 1}
    ramp: &ramp {steps: [1]}
  - name: two
    workload: {<<: *base, output_tokens: 16}
    ramp: *ramp
)");
  ASSERT_EQ(plan.scenarios.size(), 2u);
  EXPECT_EQ(plan.scenarios[1].workload.output_tokens, 16u) << "an own key wins over a merged one";
  EXPECT_EQ(plan.scenarios[1].workload.temperature, 1.0);
  EXPECT_EQ(plan.scenarios[1].ramp, plan.scenarios[0].ramp);
}

TEST(PlanLoader, WindowsLineEndsAndByteOrderMarkAreFine) {
  std::string text = "\xEF\xBB\xBF";
  for (const char c : kSweep) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(load(text).scenarios, load(kSweep).scenarios);
}

Target target_with(const std::string& keys) {
  const auto plan =
      parse_plan(Parts{.target = "{name: host, url: 'http://h:1', model: m, " + keys + "}"}.text(),
                 "sweep.yaml", fake_variables());
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? plan->targets.at(0) : Target{};
}

TEST(PlanLoader, KeysInAnyHeader) {
  EXPECT_EQ(target_with("auth: {env: A}").auth_header, "Authorization");
  EXPECT_EQ(target_with("auth: {env: A}").auth_scheme, "Bearer");
  const Target alone = target_with("auth: {env: A, header: x-api-key}");
  EXPECT_EQ(alone.auth_header, "x-api-key");
  EXPECT_EQ(alone.auth_scheme, "");
  EXPECT_EQ(target_with("auth: {env: A, scheme: Basic}").auth_scheme, "Basic");
  EXPECT_EQ(target_with("auth: {env: A, header: authorization}").auth_scheme, "Bearer");
  EXPECT_EQ(target_with("auth: {env: A, header: X-Key, scheme: Token}").auth_scheme, "Token");
  const auto refused = [](const std::string& keys) {
    return error_of(Parts{.target = "{name: host, url: 'http://h:1', model: m, " + keys + "}"}.text());
  };
  EXPECT_EQ(refused("auth: {env: A, header: 'x y'}"),
            "sweep.yaml:3:70: 'x y' is no header name; use letters, digits and '-'");
  EXPECT_EQ(refused("auth: {env: A, scheme: 'a b'}"),
            "sweep.yaml:3:70: 'a b' is no scheme; write one word, such as Bearer or Basic");
}

TEST(PlanLoader, SessionsHaveAHeader) {
  const Target ours = target_with("session: {header: X-Session-Id}");
  EXPECT_EQ(ours.session_header, "X-Session-Id");
  EXPECT_FALSE(ours.session_from_server);
  EXPECT_TRUE(target_with("session: {header: X-Session-Id, from: server}").session_from_server);
  EXPECT_EQ(
      error_of(Parts{.target = "{name: host, url: 'http://h:1', model: m, session: {from: server}}"}.text()),
      "sweep.yaml:3:56: session has no 'header'; add it");
}

TEST(PlanLoader, NameFromAnyFileName) {
  const auto name = [](const std::string& file) {
    const auto plan = parse_plan(Parts{}.text(), file, fake_variables());
    return plan ? plan->name : plan.error().message;
  };
  EXPECT_EQ(name("/tmp/my plan.yaml"), "my-plan");
  EXPECT_EQ(name("/dev/fd/63"), "63");
  EXPECT_EQ(name("计划.yaml"), "计划");
  EXPECT_EQ(name("..yaml"), "plan");
}

TEST(PlanLoader, FilesThatCannotBeRead) {
  const auto folder = std::filesystem::path(testing::TempDir());
  const auto missing = load_plan(folder / "no-such-plan.yaml", fake_variables());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            (folder / "no-such-plan.yaml").string() + ": cannot be read: No such file or directory");
  const auto directory = load_plan(folder, fake_variables());
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, testing::EndsWith(": is a folder; name the plan file in it"));

  const auto path = folder / "plan_loader_test.yaml";
  std::ofstream(path) << kSweep;
  const auto loaded = load_plan(path, fake_variables());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->scenarios, load(kSweep).scenarios);

  std::ofstream(path) << std::string((1 << 20) + 1, '#');
  const auto large = load_plan(path, fake_variables());
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message,
            path.string() + ":1:1: the plan is larger than 1 MiB; shorten its prompts");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace kneepoint::coordinator
