#include "tests/simhost/pipeline.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simhost/closed_loop.h"

namespace kneepoint::simhost {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Prefill of 100 tokens takes 15 ms, sending them 2 ms, an iteration of decode 10 ms.
PipelineConfig small_split() {
  EngineConfig decode;
  decode.slots = 8;
  decode.base = milliseconds(10);
  SplitConfig split;
  split.prefill_workers = 1;
  split.prefill.slots = 1;
  split.prefill.base = milliseconds(5);
  split.prefill.per_prefill_token = microseconds(100);
  split.transfer_per_thousand = milliseconds(20);
  return {decode, split};
}

char callers[8];

/// What a part has done, and when.
struct Done {
  Nanos at{};
  Stage stage{};
  std::size_t worker = 0;
  Nanos took{};
  std::vector<Emission> emissions;
};

Done next_of(Pipeline& pipeline) {
  const Nanos at = *pipeline.next();
  const Pipeline::Event event = pipeline.finish();
  Done done{at, event.stage, event.worker, event.took, {event.emissions.begin(), event.emissions.end()}};
  pipeline.start(at);
  return done;
}

TEST(Pipeline, ARequestPassesPrefillTransferAndDecode) {
  Pipeline pipeline(small_split());
  pipeline.submit({&callers[0], 100, 2, {}}, milliseconds(1));
  EXPECT_TRUE(pipeline.start(milliseconds(1)));

  const Done prefill = next_of(pipeline);
  EXPECT_EQ(prefill.stage, Stage::kPrefill);
  EXPECT_EQ(prefill.worker, 1u) << "behind the decode workers";
  EXPECT_EQ(prefill.at, milliseconds(16));
  ASSERT_EQ(prefill.emissions.size(), 1u);
  EXPECT_EQ(prefill.emissions[0].tag, &callers[0]);
  EXPECT_EQ(pipeline.arriving(0), 1);

  const Done sent = next_of(pipeline);
  EXPECT_EQ(sent.stage, Stage::kKvTransfer);
  EXPECT_EQ(sent.at, milliseconds(18));
  EXPECT_EQ(sent.took, milliseconds(2));
  EXPECT_EQ(pipeline.arriving(0), 0);

  const Done first = next_of(pipeline);
  EXPECT_EQ(first.stage, Stage::kDecode);
  EXPECT_EQ(first.at, milliseconds(28));
  ASSERT_EQ(first.emissions.size(), 1u);
  EXPECT_TRUE(first.emissions[0].first);
  EXPECT_EQ(first.emissions[0].before, milliseconds(15));
  EXPECT_EQ(first.emissions[0].queued, milliseconds(2)) << "the decode worker waited for the cache";

  const Done last = next_of(pipeline);
  EXPECT_EQ(last.at, milliseconds(38));
  EXPECT_TRUE(last.emissions.at(0).finished);
  EXPECT_EQ(pipeline.held(), 0);
  EXPECT_FALSE(pipeline.next());
}

TEST(Pipeline, CachesWaitForALinkInTheOrderInWhichPrefillEnds) {
  PipelineConfig config = small_split();
  config.split.prefill_workers = 3;
  config.split.decode_workers = 2;
  Pipeline pipeline(config);
  for (int i = 0; i < 3; ++i) pipeline.submit({&callers[i], 100, 1, {}}, Nanos(0));
  pipeline.start(Nanos(0));
  std::vector<std::size_t> prefilled, received;
  std::vector<Nanos> took;
  for (int events = 0; events < 6; ++events) {
    const Done done = next_of(pipeline);
    if (done.stage == Stage::kPrefill) prefilled.push_back(done.worker);
    if (done.stage == Stage::kKvTransfer) {
      received.push_back(done.worker);
      took.push_back(done.took);
    }
  }
  EXPECT_EQ(prefilled, (std::vector<std::size_t>{2, 3, 4}));
  EXPECT_EQ(received, (std::vector<std::size_t>{0, 1, 0})) << "decode workers get them in turn";
  EXPECT_EQ(took, (std::vector<Nanos>{milliseconds(2), milliseconds(4), milliseconds(6)}));
}

TEST(Pipeline, ARequestIsForgottenWhereverItIs) {
  for (int events = 0; events < 3; ++events) {  // in prefill, on its way, in decode
    Pipeline pipeline(small_split());
    const auto handle = pipeline.submit({&callers[0], 100, 5, {}}, Nanos(0));
    pipeline.submit({&callers[1], 100, 5, {}}, Nanos(0));
    pipeline.start(Nanos(0));
    for (int i = 0; i < events; ++i) next_of(pipeline);
    pipeline.abort(handle);
    int tokens = 0;
    while (pipeline.next()) {
      const Done done = next_of(pipeline);
      if (done.stage != Stage::kDecode) continue;
      for (const Emission& emission : done.emissions) {
        EXPECT_EQ(emission.tag, &callers[1]) << events;
        tokens += emission.tokens;
      }
    }
    EXPECT_EQ(tokens, 5) << events;
    EXPECT_EQ(pipeline.held(), 0) << events;
    EXPECT_EQ(pipeline.arriving(0), 0) << events;
  }
}

TEST(Pipeline, PastTheKneeTheStageWithTheLeastRateHoldsTheQueue) {
  // 15 ms of prefill at one worker: 66.7 requests a second, whoever comes after.
  const ClosedLoopSummary run = simulate_closed_loop(small_split(), {100, 4}, 40, microseconds(100));
  EXPECT_NEAR(run.requests_per_second, 1 / 0.015, 0.01 / 0.015);
  EXPECT_NEAR(run.mean_ttft_seconds + 3 * run.mean_tpot_seconds, 40 * 0.015, 0.02 * 40 * 0.015)
      << "by Little's law";
}

}  // namespace
}  // namespace kneepoint::simhost
