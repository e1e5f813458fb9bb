#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "coordinator/plan/plan_printer.h"
#include "tests/coordinator/plan_samples.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = ArrivalProcess::Kind;

Plan load_parts(const Parts& parts) {
  auto plan = parse_plan(parts.text(), "sweep.yaml", fake_variables());
  EXPECT_TRUE(plan) << (plan ? "" : plan.error().message);
  return plan ? *std::move(plan) : Plan{};
}

std::string error_of_ramp(const std::string& ramp, const std::string& workload = "{prompts: [hi]}") {
  return error_of(Parts{.workload = workload, .ramp = ramp}.text());
}

TEST(OpenLoopPlan, RatesAreSteps) {
  const Ramp ramp = load_parts({.ramp = "{rate: [5, 10, 20.5], max_in_flight: 100, warmup: 2s, hold: 8s}"})
                        .scenarios[0]
                        .ramp;
  ASSERT_TRUE(ramp.open);
  EXPECT_EQ(ramp.open->max_in_flight, 100u);
  ASSERT_EQ(ramp.step_count(), 3u);
  EXPECT_EQ(ramp.open->steps[2], (ArrivalProcess{.kind = Kind::kPoisson, .rate = 20.5}));
  EXPECT_TRUE(ramp.steps.empty());
  EXPECT_EQ(planned_time(ramp), 30s);
}

TEST(OpenLoopPlan, OneRateNeedsNoList) {
  const Ramp ramp = load_parts({.ramp = "{rate: 4, arrival: gamma, burstiness: 0.25}"}).scenarios[0].ramp;
  ASSERT_EQ(ramp.step_count(), 1u);
  EXPECT_EQ(ramp.open->steps[0], (ArrivalProcess{.kind = Kind::kGamma, .rate = 4, .burstiness = 0.25}));
  EXPECT_EQ(ramp.open->max_in_flight, 512u);
}

TEST(OpenLoopPlan, RatesRiseAndFallEvenly) {
  const auto rates = [](const std::string& range) {
    const Plan plan = load_parts({.ramp = "{rate: " + range + "}"});
    std::vector<double> rates;
    for (const ArrivalProcess& step : plan.scenarios[0].ramp.open->steps) rates.push_back(step.rate);
    return rates;
  };
  EXPECT_EQ(rates("{from: 5, to: 21, by: 5}"), (std::vector<double>{5, 10, 15, 20, 21}));
  EXPECT_EQ(rates("{from: 20, to: 5, by: 5}"), (std::vector<double>{20, 15, 10, 5}));
  EXPECT_EQ(rates("{from: 0.5, to: 4}"), (std::vector<double>{0.5, 1, 2, 4}));
  EXPECT_EQ(rates("{from: 9, to: 1, factor: 3}"), (std::vector<double>{9, 3, 1}));
  EXPECT_THAT(error_of_ramp("{rate: {from: 1, to: 9, by: 2, factor: 2}}"),
              HasSubstr("has both 'by' and 'factor'"));
  EXPECT_THAT(error_of_ramp("{rate: {to: 9}}"), HasSubstr("'rate' has no 'from'; add it"));
}

TEST(OpenLoopPlan, Mistakes) {
  EXPECT_EQ(error_of_ramp("{rate: [1], steps: [1]}"),
            "sweep.yaml:7:23: ramp of scenario 'chat' has both 'rate' and 'steps'; keep one");
  EXPECT_EQ(error_of_ramp("{rate: [1], search: {max: 9}}"),
            "sweep.yaml:7:23: ramp of scenario 'chat' has both 'search' and 'rate'; keep one");
  EXPECT_EQ(error_of_ramp("{rate: [1], arrival: poison}"),
            "sweep.yaml:7:32: unknown arrival 'poison'; did you mean 'poisson'?");
  EXPECT_EQ(error_of_ramp("{rate: [1], burstiness: 2}"),
            "sweep.yaml:7:23: 'burstiness' shapes gaps of arrival: gamma");
  EXPECT_EQ(error_of_ramp("{rate: [1], arrival: gamma}"),
            "sweep.yaml:7:11: ramp of scenario 'chat' has no 'burstiness'; add it");
  EXPECT_THAT(error_of_ramp("{rate: [0]}"), HasSubstr("sweep.yaml:7:19: a rate must be a number from 0.001"));
  EXPECT_THAT(error_of_ramp("{max_in_flight: 3}"), HasSubstr("has no 'rate'; add it"));
  EXPECT_THAT(error_of_ramp("{rate: [1], requests: 5}"), HasSubstr("has both 'rate' and 'requests'"));
  EXPECT_EQ(
      error_of_ramp("{rate: [1]}", "{prompts: [hi], think_time: 1s}"),
      "sweep.yaml:7:18: an open loop's requests are no user's, so nobody has a think_time; use steps, or "
      "a conversation, whose turns an arrival brings");
  EXPECT_EQ(
      error_of_ramp("{arrival: trace}"),
      "sweep.yaml:7:21: 'arrival: trace' needs a dataset that is a trace (mooncake, bailian, otel, azure-llm "
      "or burstgpt)");
  EXPECT_EQ(error_of_ramp("{arrival: trace, rate: 2}"),
            "sweep.yaml:7:28: a trace has its own rate; remove 'rate', and use the dataset's time_scale to "
            "change it");
}

TEST(OpenLoopPlan, IsDescribed) {
  const std::string text = describe_plan(
      load_parts({.ramp = "{rate: [5, 10], arrival: gamma, burstiness: 0.5, warmup: 2s, hold: 20s}"}));
  EXPECT_THAT(text,
              HasSubstr("ramp      open loop, 2 steps: 5 10 requests a second, gamma arrivals of burstiness "
                        "0.5\n               at most 512 in flight; the others wait\n"
                        "               each step: 2s warm-up, then 20s measured\n"));
  EXPECT_THAT(text, HasSubstr("In all 2 steps, about 46s."));
}

TEST(OpenLoopPlan, AnArrivalMayBeASession) {
  const auto described = [](const std::string& warmup) {
    return describe_plan(
        load_parts({.workload = "{synthetic: {input_tokens: 9}, output_tokens: 4, conversation: {turns: 5, "
                                "think_time: 4s}}",
                    .ramp = "{rate: [2, 4], warmup: " + warmup + ", hold: 20s}"}));
  };
  EXPECT_THAT(described("16s"),
              HasSubstr("2 4 sessions a second, poisson arrivals\n               at most 512 "
                        "open; the others wait"));
  EXPECT_THAT(described("16s"), Not(HasSubstr("a session takes")));
  EXPECT_THAT(described("10s"), HasSubstr("a session takes 16s and more"));
  EXPECT_THAT(described("10s"), HasSubstr("set warmup to 16s or more"));
}

class TracePlan : public ::testing::Test {
 protected:
  TracePlan() {
    // Tests run beside each other, each in a process of its own.
    folder_ =
        std::filesystem::temp_directory_path() / fmt::format("kneepoint-open-loop-plan-test-{}", getpid());
    std::filesystem::create_directories(folder_);
    std::ofstream trace(folder_ / "trace.jsonl");
    for (int i = 0; i <= 40; ++i) {
      trace << R"({"timestamp": )" << 500 * i
            << R"(, "input_length": 10, "output_length": 4, "hash_ids": [1]})"
            << "\n";
    }
  }
  ~TracePlan() override { std::filesystem::remove_all(folder_); }

  Result<Plan> load_trace(const std::string& ramp, const std::string& use = "") {
    const Parts parts{.workload = "{dataset: {file: trace.jsonl, format: mooncake" + use + "}}",
                      .ramp = ramp};
    return parse_plan(parts.text(), folder_ / "sweep.yaml", fake_variables());
  }

  std::filesystem::path folder_;
};

TEST_F(TracePlan, SaysHowFastAndHowLong) {
  const auto plan = load_trace("{arrival: trace, warmup: 2s}", ", time_scale: 0.5");
  ASSERT_TRUE(plan) << plan.error().message;
  const Ramp& ramp = plan->scenarios[0].ramp;
  ASSERT_EQ(ramp.step_count(), 1u);
  EXPECT_EQ(ramp.open->steps[0].kind, Kind::kTrace);
  EXPECT_NEAR(ramp.open->steps[0].rate, 4.1, 1e-9) << "41 requests in 10 s";
  EXPECT_EQ(ramp.hold, 8s);
  EXPECT_THAT(describe_plan(*plan),
              HasSubstr("open loop: requests as the trace says, 4.1 a second on average"));
  EXPECT_THAT(describe_plan(*plan), Not(HasSubstr("time_scale has no effect")));
}

TEST_F(TracePlan, CannotBeOutlasted) {
  const auto error = [&](const std::string& ramp, const std::string& use = "") {
    const auto plan = load_trace(ramp, use);
    return plan ? "" : plan.error().message;
  };
  EXPECT_THAT(error("{arrival: trace, warmup: 5s, hold: 30s}"),
              HasSubstr(":7:46: after the warm-up only 15s of the trace are left; remove 'hold'"));
  EXPECT_THAT(error("{arrival: trace, warmup: 20s}"),
              HasSubstr(":7:21: the trace lasts 20s, with a warm-up of 20s nothing is left to measure"));
  EXPECT_THAT(error("{arrival: trace}", ", order: random"), HasSubstr("replays its dataset in order"));
}

TEST_F(TracePlan, IsMeasuredToItsEnd) {
  std::ofstream(folder_ / "trace.jsonl", std::ios::app)
      << R"({"timestamp": 20900, "input_length": 10, "output_length": 4})"
      << "\n";
  const auto plan = load_trace("{arrival: trace, warmup: 2s}");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->scenarios[0].ramp.hold, 18900ms) << "no second is rounded away";
}

TEST_F(TracePlan, OfSessionsLastsUntilTheirLastTurns) {
  std::ofstream(folder_ / "trace.jsonl")
      << R"({"chat_id": 1, "parent_chat_id": -1, "timestamp": 0, "input_length": 20, "output_length": 4}
{"chat_id": 2, "parent_chat_id": 1, "timestamp": 9, "input_length": 40, "output_length": 4})";
  const auto load = [&](const std::string& ramp) {
    const Parts parts{.workload = "{dataset: {file: trace.jsonl, format: bailian}, conversation: {}}",
                      .ramp = ramp};
    return parse_plan(parts.text(), folder_ / "sweep.yaml", fake_variables());
  };
  const auto plan = load("{arrival: trace, warmup: 0s}");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->scenarios[0].ramp.hold, 9s);
  EXPECT_FALSE(load("{arrival: trace, warmup: 0s, hold: 10s}"));
}

TEST(TargetPlan, RoutingAndConnections) {
  const Target target = load_parts({.target = "{name: h, urls: ['http://a', 'http://b'], model: m, routing: "
                                              "least_in_flight, connection: per_request}"})
                            .targets[0];
  EXPECT_EQ(target.routing, Routing::kLeastInFlight);
  EXPECT_EQ(target.connection, ConnectionUse::kPerRequest);
  EXPECT_EQ(load_parts({}).targets[0].routing, Routing::kPinned);
  EXPECT_EQ(load_parts({}).targets[0].connection, ConnectionUse::kReuse);
  EXPECT_EQ(error_of(Parts{.target = "{name: h, url: 'http://a', model: m, routing: pined}"}.text()),
            "sweep.yaml:3:51: unknown routing 'pined'; did you mean 'pinned'?");
  EXPECT_EQ(error_of(Parts{.target = "{name: h, url: 'http://a', model: m, connection: close}"}.text()),
            "sweep.yaml:3:54: unknown connection 'close'; write one of: reuse, per_request");
  const std::string text = describe_plan(load_parts(
      {.target = "{name: h, urls: ['http://a', 'http://b'], model: m, routing: round_robin, connection: "
                 "per_request}"}));
  EXPECT_THAT(text, HasSubstr("    routing   round_robin\n"));
  EXPECT_THAT(text, HasSubstr("    connection  a new one for each request\n"));
}

TEST(WorkloadPlan, UsersThink) {
  const Plan plan =
      load_parts({.workload = "{prompts: [hi], think_time: {distribution: uniform, min: 1s, max: 3s}}"});
  EXPECT_EQ(plan.scenarios[0].workload.think_time.kind, Distribution::Kind::kUniform);
  EXPECT_TRUE(plan.scenarios[0].workload.thinks());
  EXPECT_FALSE(load_parts({}).scenarios[0].workload.thinks());
  EXPECT_EQ(
      error_of(Parts{.workload = "{synthetic: {input_tokens: 9}, conversation: {turns: 2}, think_time: 1s}"}
                   .text()),
      "sweep.yaml:6:72: the turns of a conversation have a 'think_time' of their own; move it there");
}

TEST(TargetPlan, AHeaderNamesReplicas) {
  const Plan plan = load_parts({.target = "{name: h, url: 'http://a', model: m, replica_header: X-Replica}"});
  EXPECT_EQ(plan.targets[0].replica_header, "X-Replica");
  EXPECT_THAT(describe_plan(plan), HasSubstr("    replicas  named by the response header X-Replica\n"));
  EXPECT_EQ(error_of(Parts{.target = "{name: h, url: 'http://a', model: m, replica_header: 'a b'}"}.text()),
            "sweep.yaml:3:58: 'a b' is no header name; use letters, digits and '-'");
}

}  // namespace
}  // namespace kneepoint::coordinator
