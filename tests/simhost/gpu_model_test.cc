#include "tests/simhost/gpu_model.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "tests/simhost/closed_loop.h"

namespace kneepoint::simhost {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

EngineConfig plain(int slots) {
  EngineConfig config;
  config.slots = slots;
  config.base = milliseconds(9);
  config.per_sequence = microseconds(60);
  return config;
}

/// Runs the engine until it is idle; tokens by tag, and the instant of each tag's first and last token.
struct Drained {
  std::map<void*, int> tokens;
  std::map<void*, Nanos> first, last;
  std::vector<int> batches;
};

Drained drain(Engine& engine, Nanos now) {
  Drained result;
  while (engine.begin_iteration(now)) {
    now = *engine.iteration_end();
    result.batches.push_back(engine.stats().running);
    for (const Emission& emission : engine.finish_iteration()) {
      result.tokens[emission.tag] += emission.tokens;
      if (emission.first) result.first[emission.tag] = now;
      if (emission.finished) result.last[emission.tag] = now;
    }
  }
  return result;
}

int tags[64];

TEST(Engine, AloneTakesPrefillThenOneIterationPerToken) {
  EngineConfig config = plain(4);
  config.per_prefill_token = microseconds(100);
  config.per_kv_token_nanos = 1000;
  config.admission_latency = milliseconds(3);
  Engine engine(config);
  engine.submit({&tags[0], 10, 3, {}}, milliseconds(5));
  const Drained result = drain(engine, milliseconds(5));
  EXPECT_EQ(result.tokens.at(&tags[0]), 3);
  // Arrival 5 ms + 3 ms until visible + a + c + 10 d + 10 e; then two of a + c + e·11, e·12.
  const Nanos first = milliseconds(8) + microseconds(9060 + 1000 + 10);
  EXPECT_EQ(result.first.at(&tags[0]), first);
  EXPECT_EQ(result.last.at(&tags[0]), first + microseconds(2 * 9060 + 11 + 12));
  EXPECT_EQ(engine.stats().prompt_tokens, 10u);
  EXPECT_EQ(engine.stats().generated_tokens, 3u);
  EXPECT_EQ(engine.stats().kv_used, 0);
  EXPECT_FALSE(engine.iteration_end());
}

TEST(Engine, QueueIsFifoBehindTheSlots) {
  Engine engine(plain(2));
  for (int i = 0; i < 5; ++i) engine.submit({&tags[i], 1, 4, {}}, Nanos(0));
  EXPECT_EQ(engine.stats().waiting, 5);
  const Drained result = drain(engine, Nanos(0));
  EXPECT_EQ(result.first.at(&tags[0]), result.first.at(&tags[1]));
  EXPECT_LT(result.last.at(&tags[1]), result.first.at(&tags[2]));
  EXPECT_LT(result.last.at(&tags[3]), result.first.at(&tags[4]));
  for (int batch : result.batches) EXPECT_LE(batch, 2);
}

TEST(Engine, LongPromptsAreChunkedUnderTheTokenBudget) {
  EngineConfig config = plain(4);
  config.per_prefill_token = microseconds(10);
  config.batched_tokens = 100;
  Engine engine(config);
  engine.submit({&tags[0], 1, 10, {}}, Nanos(0));
  ASSERT_TRUE(engine.begin_iteration(Nanos(0)));
  Nanos now = *engine.iteration_end();
  engine.finish_iteration();
  engine.submit({&tags[1], 250, 2, {}}, now);
  // 99 + 99 + 52 prompt tokens beside one decode token each time; the decoding neighbour is never starved.
  for (int prefill : {99, 99, 52}) {
    ASSERT_TRUE(engine.begin_iteration(now));
    EXPECT_EQ(engine.iteration_time(), microseconds(9000 + 2 * 60 + prefill * 10));
    now = *engine.iteration_end();
    const auto emissions = engine.finish_iteration();
    ASSERT_EQ(emissions.size(), prefill == 52 ? 2u : 1u);
    EXPECT_EQ(emissions[0].tag, &tags[0]);
  }
}

TEST(Engine, FullCachePreemptsTheYoungestAndRecomputes) {
  EngineConfig config = plain(8);
  config.kv_tokens = 100;
  Engine engine(config);
  for (int i = 0; i < 3; ++i) engine.submit({&tags[i], 20, 40, {}}, Nanos(0));
  Nanos now{0};
  std::map<void*, int> tokens;
  std::map<void*, int> firsts;
  while (engine.begin_iteration(now)) {
    EXPECT_LE(engine.stats().kv_used, 100);
    now = *engine.iteration_end();
    for (const Emission& emission : engine.finish_iteration()) {
      tokens[emission.tag] += emission.tokens;
      firsts[emission.tag] += emission.first;
    }
  }
  EXPECT_GT(engine.stats().preemptions, 0u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(tokens.at(&tags[i]), 40);  // what was streamed before the preemption is not streamed again
    EXPECT_EQ(firsts.at(&tags[i]), 1);
  }
  EXPECT_EQ(engine.stats().kv_used, 0);
}

TEST(Engine, PrefixCacheSkipsKnownBlocksButNeverTheLastToken) {
  EngineConfig config = plain(4);
  config.per_prefill_token = microseconds(100);
  config.prefix_cache = true;
  Engine engine(config);
  const std::vector<std::uint64_t> blocks = {11, 22};  // 32 tokens of prompt in two full blocks
  engine.submit({&tags[0], 32, 1, blocks}, Nanos(0));
  drain(engine, Nanos(0));
  EXPECT_EQ(engine.iteration_time(), microseconds(9060 + 3200));
  engine.submit({&tags[1], 32, 1, blocks}, Nanos(0));
  drain(engine, Nanos(0));
  EXPECT_EQ(engine.iteration_time(), microseconds(9060 + 100));
  EXPECT_EQ(engine.stats().prefix_queries, 64u);
  EXPECT_EQ(engine.stats().prefix_hits, 31u);
  EXPECT_EQ(engine.stats().kv_used, 0);
}

TEST(Engine, OfAPromptComputedElsewhereOnlyTheLastTokenIsComputed) {
  EngineConfig config = plain(4);
  config.per_prefill_token = microseconds(100);
  Engine engine(config);
  engine.submit({&tags[0], 500, 2, {}, 500}, Nanos(0));
  ASSERT_TRUE(engine.begin_iteration(Nanos(0)));
  EXPECT_EQ(engine.iteration_time(), microseconds(9060 + 100));
  EXPECT_EQ(engine.stats().kv_used, 500) << "all of it takes room";
  EXPECT_TRUE(engine.finish_iteration()[0].first);
  drain(engine, microseconds(9160));
  EXPECT_EQ(engine.iteration_time(), microseconds(9060));
  EXPECT_EQ(engine.stats().kv_used, 0);
}

TEST(Engine, SpeculationEmitsSeveralTokensAnIterationAndNeverTooMany) {
  EngineConfig config = plain(4);
  config.speculative_tokens = 3;
  config.acceptance = 1;
  Engine engine(config);
  engine.submit({&tags[0], 5, 10, {}}, Nanos(0));
  const Drained result = drain(engine, Nanos(0));
  EXPECT_EQ(result.tokens.at(&tags[0]), 10);
  EXPECT_EQ(result.batches.size(), 4u);  // 1 + 4 + 4 + 1
  EXPECT_EQ(engine.stats().kv_used, 0);
}

TEST(Engine, DraftsAreCountedAndAcceptedLessInAFullerBatchWhereThatIsSo) {
  const auto accepted = [](int requests) {
    EngineConfig config = plain(8);
    config.speculative_tokens = 1;
    config.acceptance = 0.9;
    config.acceptance_full = 0.2;
    Engine engine(config);
    for (int i = 0; i < requests; ++i) engine.submit({&tags[i], 5, 4000, {}}, Nanos(0));
    drain(engine, Nanos(0));
    const EngineStats& stats = engine.stats();
    EXPECT_EQ(stats.draft_tokens, stats.drafts);
    return static_cast<double>(stats.accepted_tokens) / static_cast<double>(stats.draft_tokens);
  };
  EXPECT_NEAR(accepted(1), 0.9, 0.03);
  EXPECT_NEAR(accepted(8), 0.2, 0.05);
}

TEST(Engine, AbortFreesSlotAndCacheWhereverTheRequestIs) {
  Engine engine(plain(1));
  const auto running = engine.submit({&tags[0], 10, 50, {}}, Nanos(0));
  const auto waiting = engine.submit({&tags[1], 10, 50, {}}, Nanos(0));
  engine.submit({&tags[2], 10, 2, {}}, Nanos(0));
  ASSERT_TRUE(engine.begin_iteration(Nanos(0)));
  engine.abort(waiting);
  engine.abort(running);  // in the middle of its iteration
  EXPECT_EQ(engine.stats().running, 0);
  EXPECT_EQ(engine.stats().waiting, 1);
  const Nanos end = *engine.iteration_end();
  EXPECT_TRUE(engine.finish_iteration().empty());
  const Drained result = drain(engine, end);
  EXPECT_EQ(result.tokens.size(), 1u);
  EXPECT_EQ(result.tokens.at(&tags[2]), 2);
  EXPECT_EQ(engine.stats().kv_used, 0);
}

TEST(Engine, JitterKeepsTheMeanAndSeedsRepeat) {
  EngineConfig config = plain(1);
  config.jitter = 0.1;
  auto last_token = [&](std::uint64_t seed) {
    config.seed = seed;
    Engine engine(config);
    engine.submit({&tags[0], 1, 20000, {}}, Nanos(0));
    return drain(engine, Nanos(0)).last.at(&tags[0]);
  };
  EXPECT_EQ(last_token(7), last_token(7));
  EXPECT_NE(last_token(7), last_token(8));
  EXPECT_NEAR(to_seconds(last_token(7)), 20000 * 9.06e-3, 20000 * 9.06e-3 * 0.002);
}

/// Closed loop without turnaround: X = b / (a + cb), b = min(N, B), TPOT = a + cb.
class HardCap : public testing::TestWithParam<int> {};

TEST_P(HardCap, ThroughputAndTpotFollowTheOracle) {
  const int clients = GetParam();
  const ClosedLoopSummary run = simulate_closed_loop(plain(24), {1, 64}, clients, Nanos(0));
  const double batch = std::min(clients, 24);
  const double iteration = 9e-3 + 60e-6 * batch;
  EXPECT_NEAR(run.tokens_per_second, batch / iteration, 0.005 * batch / iteration);
  EXPECT_NEAR(run.mean_tpot_seconds, iteration, 0.005 * iteration);
}

TEST_P(HardCap, TtftAboveTheCapIsTheQueueOverTheServiceRate) {
  const int clients = GetParam();
  const ClosedLoopSummary run = simulate_closed_loop(plain(24), {1, 64}, clients, Nanos(0));
  const double queue = std::max(0, clients - 24) / run.requests_per_second;
  const double iteration = 9e-3 + 60e-6 * std::min(clients, 24);
  EXPECT_NEAR(run.mean_ttft_seconds, queue + iteration, 0.02 * queue + iteration);
}

INSTANTIATE_TEST_SUITE_P(Clients, HardCap, testing::Values(1, 2, 8, 16, 23, 24, 25, 32, 64, 200));

TEST(ClosedLoop, ATurnaroundCostsOneIterationPerRequest) {
  const ClosedLoopSummary run = simulate_closed_loop(plain(24), {1, 64}, 13, microseconds(100));
  const double batch = 13 * 64.0 / 65.0;
  const double expected = batch / (9e-3 + 60e-6 * batch);
  EXPECT_NEAR(run.tokens_per_second, expected, 0.005 * expected);
}

TEST(ClosedLoop, SurplusClientsFinishTheirRequestAndStop) {
  ClosedLoop loop(plain(24), {1, 64}, Nanos(0));
  loop.set_concurrency(8, Nanos(0));
  loop.run_until(milliseconds(2000), [](const ClosedLoop::Event&) {});
  EXPECT_EQ(loop.pipeline().decoding(), 8);
  loop.set_concurrency(3, Nanos(0));
  int finished = 0;
  loop.run_until(milliseconds(4000),
                 [&](const ClosedLoop::Event& event) { finished += event.finished && event.slot >= 3; });
  EXPECT_EQ(loop.pipeline().decoding(), 3);
  EXPECT_EQ(finished, 5);
}

}  // namespace
}  // namespace kneepoint::simhost
