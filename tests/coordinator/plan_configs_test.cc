#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "coordinator/plan/plan_printer.h"
#include "tests/coordinator/plan_samples.h"

// What ships in configs/ must load as it stands, and on any host by one variable.
namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

const std::filesystem::path kConfigs = std::filesystem::path(KNEEPOINT_SOURCE_DIR) / "configs";

Plan load_shipped(const std::string& file, const Variables& variables = fake_variables()) {
  auto plan = load_plan(kConfigs / file, variables);
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *std::move(plan) : Plan{};
}

TEST(Configs, AllLoad) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kConfigs)) {
    const std::filesystem::path file = entry.path().lexically_relative(kConfigs);
    if (file.extension() != ".yaml" || file.parent_path() == "dialects") continue;
    const Plan plan = load_shipped(file);
    EXPECT_EQ(plan.name, file.stem());
    EXPECT_FALSE(describe_plan(plan).empty());
    ++files;
  }
  EXPECT_GE(files, 9);
}

TEST(Configs, DemoStaysShort) {
  const Plan plan = load_shipped("demo.yaml", fake_variables({{"url", "http://127.0.0.1:18000"}}));
  ASSERT_EQ(plan.scenarios.size(), 1u);
  EXPECT_THAT(plan.targets[0].urls, ElementsAre("http://127.0.0.1:18000"));
  EXPECT_THAT(plan.scenarios[0].ramp.steps, ElementsAre(1, 2, 4, 8, 16, 32, 64));
  EXPECT_LT(*planned_time(plan.scenarios[0].ramp), 70s);
}

TEST(Configs, SmokeStaysShort) {
  const Plan plan = load_shipped("smoke.yaml");
  ASSERT_EQ(plan.scenarios.size(), 1u);
  EXPECT_LT(*planned_time(plan.scenarios[0].ramp), 10s);
}

TEST(Configs, ExperimentAComparesTwoModels) {
  const Plan plan = load_shipped("experiment-a.yaml", fake_variables({{"host", "gpu-7"}}));
  ASSERT_EQ(plan.targets.size(), 2u);
  EXPECT_THAT(plan.targets[0].urls, ElementsAre("http://gpu-7:8000"));
  EXPECT_THAT(plan.targets[1].urls, ElementsAre("http://gpu-7:8001"));
  ASSERT_EQ(plan.scenarios.size(), 2u);
  const Scenario& latency = plan.scenarios[0];
  ASSERT_EQ(latency.workload.classes.size(), 3u);
  EXPECT_EQ(latency.workload.classes[0].prompts[0], "什么是量子计算?");
  EXPECT_EQ(latency.workload.classes[2].name, "long");
  EXPECT_EQ(latency.ramp.steps, std::vector<std::uint32_t>{1});
  EXPECT_EQ(latency.ramp.requests, 30u);
  const Scenario& concurrency = plan.scenarios[1];
  EXPECT_THAT(concurrency.ramp.steps, ElementsAre(1, 2, 4, 6, 8, 12, 16));
  ASSERT_EQ(concurrency.slo.size(), 2u);
  EXPECT_EQ(concurrency.slo[0].name(), "tpot_p50");
  EXPECT_EQ(concurrency.slo[1].name(), "tpot_p95");
  EXPECT_EQ(concurrency.slo[0].limit, Nanos(50ms));
  for (const Target& target : plan.targets) {
    EXPECT_TRUE(target.wait_ready) << "its load time is a column of the table";
    EXPECT_EQ(target.telemetry.gpus.at(0).url, "http://gpu-7:9400/metrics");
  }
  EXPECT_EQ(concurrency.workload.classes, latency.workload.classes);
}

TEST(Configs, ExperimentBFixesTheOutputLength) {
  const Plan plan = load_shipped("experiment-b.yaml", fake_variables({{"api", "vllm-generate"}}));
  ASSERT_EQ(plan.scenarios.size(), 6u);
  EXPECT_EQ(plan.targets[0].api, Api::kVllmGenerate);
  EXPECT_THAT(plan.scenarios[0].ramp.steps, ElementsAre(1, 4, 8, 16, 32));
  EXPECT_EQ(plan.scenarios[0].workload.output_tokens, 512u);
  EXPECT_EQ(plan.scenarios[0].workload.extra_body, R"({"ignore_eos":true,"min_tokens":512})");
  EXPECT_TRUE(plan_warnings(plan).empty());
}

TEST(Configs, ExperimentBVariesTheInputLength) {
  const Plan plan = load_shipped("experiment-b.yaml");
  std::vector<double> lengths;
  for (std::size_t i = 1; i < plan.scenarios.size(); ++i) {
    const Workload& workload = plan.scenarios[i].workload;
    lengths.push_back(workload.synthetic->input_tokens.mean);
    EXPECT_EQ(workload.output_tokens, 512);
    EXPECT_LE(lengths.back() * 1.01 + 512, 262'144) << "fits the context, with the error of a calibration";
  }
  EXPECT_THAT(lengths, ElementsAre(1024, 8192, 32768, 131072, 258048));
  EXPECT_EQ(plan.scenarios[2].name, "long[input_tokens=8192]");
}

TEST(Configs, AnExampleOfEachKindOfWorkload) {
  const auto workload = [](const std::string& kind) {
    const Plan plan = load_shipped("workloads/" + kind + ".yaml");
    EXPECT_EQ(plan_warnings(plan), std::vector<std::string>()) << kind;
    return plan.scenarios.at(0).workload;
  };
  EXPECT_EQ(workload("synthetic").synthetic->prefix_groups, 4u);
  EXPECT_EQ(workload("conversation").conversation->turns->max, 5);
  EXPECT_TRUE(workload("trace").dataset->lengths_only);
  EXPECT_GT(workload("sessions").conversation->think_time.expected(), 2.5) << "the trace's gaps";
  EXPECT_EQ(workload("matrix").synthetic->input_tokens, 256);
  EXPECT_EQ(workload("lora-mix").classes.size(), 10u);
  const Workload questions = workload("dataset");
  ASSERT_EQ(questions.classes.size(), 2u);
  EXPECT_EQ(questions.classes[1].name, "long");
}

}  // namespace
}  // namespace kneepoint::coordinator
