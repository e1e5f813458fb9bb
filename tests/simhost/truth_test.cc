#include "tests/simhost/truth.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/simhost/profile.h"

namespace kneepoint::simhost {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(SaturationConcurrency, HardCapMeetsTheClosedForm) {
  const double a = 9e-3, c = 60e-6, cap = 24;
  const double x_max = cap / (a + c * cap);
  auto throughput = [&](double n) { return std::min(n, cap) / (a + c * std::min(n, cap)); };
  const double expected = 0.95 * x_max * a / (1 - 0.95 * x_max * c);
  EXPECT_NEAR(saturation_concurrency(throughput, 100), expected, 0.003 * expected);
}

TEST(SaturationConcurrency, SoftCurveMeetsNineAOverCWhateverTheRange) {
  const double a = 2e-3, c = 375e-6;
  auto throughput = [&](double n) { return n / (a + c * n); };
  for (double highest : {100.0, 400.0, 5000.0}) {
    EXPECT_NEAR(saturation_concurrency(throughput, highest), 9 * a / c, 0.003 * 9 * a / c);
  }
  EXPECT_EQ(saturation_concurrency(throughput, 90), 0);  // 2·N_sat was not reached: no extrapolation
}

class NamedProfile : public testing::TestWithParam<std::string> {
 protected:
  const Profile& profile() const { return *find_profile(GetParam()); }
};

TEST_P(NamedProfile, OracleAndSimulationAgree) {
  PipelineConfig host = profile().pipeline();
  host.engine.jitter = host.split.prefill.jitter = 0;
  const Truth truth = true_knee(host, profile().workload);
  EXPECT_GT(truth.saturation_concurrency, 1);
  // The oracle leaves out what preemption costs, and what waits by chance before the stages of a split.
  const bool kv_bound = Oracle(host.engine, profile().workload).kv_bound();
  const double tolerance = kv_bound ? 0.10 : host.split.on() ? 0.06 : 0.03;
  EXPECT_NEAR(truth.simulated_saturation_concurrency, truth.oracle_saturation_concurrency,
              tolerance * truth.oracle_saturation_concurrency);
}

std::vector<std::string> closed_form_profiles() {
  std::vector<std::string> names;
  for (const Profile& profile : profiles()) {
    if (profile.name != "instant") names.push_back(profile.name);  // 4,096 streams: no knee worth simulating
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, NamedProfile, testing::ValuesIn(closed_form_profiles()), [](const auto& info) {
  std::string name = info.param;
  for (char& ch : name) {
    if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
  }
  return name;
});

/// N* = Σ demands over the largest demand per server.
TEST(SplitOracle, WhereTheBatchDoesNotMatterTheKneeIsAllDemandsOverTheLargest) {
  EngineConfig decode;
  decode.slots = 4;
  decode.base = milliseconds(10);
  SplitConfig split;
  split.prefill_workers = 1;
  split.prefill.slots = 1;
  split.prefill.base = milliseconds(5);
  split.prefill.per_prefill_token = microseconds(100);
  split.transfer_per_thousand = milliseconds(20);
  const SplitOracle oracle(split, decode, {100, 20});
  EXPECT_EQ(oracle.bottleneck().stage, Stage::kDecode);
  EXPECT_NEAR(oracle.bottleneck().most_per_second, 4 / 0.2, 1e-9);
  // 15 ms of prefill, 2 ms on the link, half an iteration until it is taken, 20 iterations.
  const double demands = 0.015 + 0.002 + 0.005 + 0.200;
  EXPECT_NEAR(oracle.clients_for(20), demands * 20, 1e-6);
  EXPECT_NEAR(oracle.tokens_per_second(2), 2 / demands * 20, 1e-6);
  EXPECT_NEAR(oracle.tokens_per_second(10), 20 * 20, 1e-6);
}

TEST(Profiles, OfASplitHostTheStageWithTheLeastRateGivesOut) {
  struct Row {
    const char* name;
    Stage stage;
    double requests_per_second;
  };
  for (const Row& row : {Row{"split-prefill", Stage::kPrefill, 2 / (0.005 + 512 * 100e-6)},
                         Row{"split-transfer", Stage::kKvTransfer, 2 / (0.512 * 0.120)},
                         Row{"split-decode", Stage::kDecode, 12 / (0.64 + 6 * (64 * 30e-6 + 20e-6))}}) {
    const Profile& profile = *find_profile(row.name);
    const Truth truth = true_knee(profile.pipeline(), profile.workload);
    EXPECT_EQ(truth.gives_out, row.stage) << row.name;
    EXPECT_EQ(truth.kind, KneeKind::kHard) << row.name;
    const double most = row.requests_per_second * profile.workload.output_tokens;
    EXPECT_NEAR(truth.max_tokens_per_second, most, 0.02 * most) << row.name;
    EXPECT_GT(truth.saturation_concurrency, 9) << row.name;
    EXPECT_LT(truth.saturation_concurrency, 13) << row.name;
  }
}

TEST(Profiles, DemoHasAHardKneeStrictlyBetweenTwoSteps) {
  const Profile& demo = *find_profile("demo");
  const Truth truth = true_knee(demo.engine, demo.workload);
  EXPECT_EQ(truth.kind, KneeKind::kHard);
  EXPECT_GT(truth.saturation_concurrency, 20);
  EXPECT_LT(truth.saturation_concurrency, 27);
}

TEST(Profiles, SoftHasItsKneeAtNineAOverC) {
  const Profile& soft = *find_profile("soft");
  const Truth truth = true_knee(soft.engine, soft.workload);
  EXPECT_EQ(truth.kind, KneeKind::kSoft);
  EXPECT_NEAR(truth.saturation_concurrency, 48 * 65.0 / 64.0, 0.5);
}

/// The published figures of experiment A, which the constants were derived from.
TEST(Profiles, T4ProfilesReproduceThePublishedTable) {
  struct Row {
    const char* name;
    double ttft_short, ttft_long, tokens_per_second;
    int below_50ms;
  };
  for (const Row& row :
       {Row{"t4-deepseek-1.5b", 0.124, 0.158, 89.3, 8}, Row{"t4-phi-3-mini", 0.148, 0.189, 76.5, 6}}) {
    EngineConfig engine = find_profile(row.name)->engine;
    engine.jitter = 0;
    EXPECT_NEAR(simulate_closed_loop(engine, {10, 128}, 1, Nanos(0)).mean_ttft_seconds, row.ttft_short,
                0.002);
    EXPECT_NEAR(simulate_closed_loop(engine, {100, 128}, 1, Nanos(0)).mean_ttft_seconds, row.ttft_long,
                0.002);
    const double iteration = simulate_closed_loop(engine, {10, 128}, 1, Nanos(0)).mean_tpot_seconds;
    EXPECT_NEAR(1 / iteration, row.tokens_per_second, 0.5);
    const double within = to_seconds(engine.base + engine.per_sequence * row.below_50ms);
    const double above = to_seconds(engine.base + engine.per_sequence * (row.below_50ms + 1));
    EXPECT_LT(within, 0.050);
    EXPECT_GT(above, 0.050);
  }
}

}  // namespace
}  // namespace kneepoint::simhost
