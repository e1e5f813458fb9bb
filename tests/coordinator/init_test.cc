#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/init/host_probe.h"
#include "coordinator/init/starting_plan.h"
#include "coordinator/plan/plan_loader.h"

namespace kneepoint::coordinator {
namespace {

using ::testing::HasSubstr;

HostFacts facts(std::string model, std::optional<std::uint64_t> max_length = 32'768) {
  return {.url = "http://127.0.0.1:8000", .models = {{.id = std::move(model), .max_length = max_length}}};
}

Plan load(const HostFacts& host) {
  const std::string text = starting_plan(host, "gpu-1");
  auto plan = parse_plan(text, "gpu-1.yaml",
                         {.set = {}, .environment = [](const char*) -> const char* { return nullptr; }});
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message) << "\n" << text;
  return plan ? *std::move(plan) : Plan{};
}

TEST(StartingPlan, LoadsAndSaysWhatTheHostSaid) {
  HostFacts host = facts("tiny");
  host.healthy = true;
  host.engine = Engine::kVllm;
  host.usage = UsageReport::kRunning;
  host.auth = {.source = SecretRef::Source::kEnvironment, .name = "GPU_TOKEN"};
  const std::string text = starting_plan(host, "gpu-1");
  EXPECT_THAT(text, testing::StartsWith("# yaml-language-server: $schema=plan.schema.json\n"));
  EXPECT_THAT(text, HasSubstr("#   model tiny, at most 32768 tokens"));
  EXPECT_THAT(text, HasSubstr("/health says ready; /metrics are those of vLLM"));
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
  const std::string text = starting_plan(host, "plan");
  EXPECT_THAT(text, HasSubstr("there is no /health; there are no /metrics"));
  EXPECT_THAT(text, HasSubstr("it does not count tokens"));
  EXPECT_EQ(load(host).targets.at(0).api, Api::kOpenAiCompletions);
}

}  // namespace
}  // namespace kneepoint::coordinator
