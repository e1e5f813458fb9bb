#include "coordinator/verdict/token_counts.h"

#include <gtest/gtest.h>

#include "coordinator/measure/token_count.h"

namespace kneepoint::coordinator {
namespace {

/// A row as its witnesses tell it, in tokens a second.
struct Told {
  std::optional<double> usage, chunks, max_tokens, engine;
  double bytes_per_token = 4.2;  ///< By usage.
  double over_limit = 0;
  std::optional<double> assumed;  ///< Tokens a chunk where the first is taken for one.
  std::string suspicion;
};

Step told_row(const Told& told, std::uint32_t n = 8) {
  Step step{.concurrency = n};
  const double value = told.usage ? *told.usage : *told.chunks;
  step.output_tokens_per_second = {value, Interval{value * 0.99, value * 1.01}, value * 0.005};
  step.requests_per_second = {value / 64, {}, {}};
  step.token_source = told.usage ? TokenSource::kUsage : TokenSource::kChunks;
  step.tpot_seconds = {.count = 500, .p50 = 0.01};
  TokenCount count;
  if (told.usage) count.witnesses.push_back({"usage", *told.usage});
  if (told.chunks) count.witnesses.push_back({"chunks", *told.chunks});
  if (told.max_tokens) count.witnesses.push_back({"max_tokens", *told.max_tokens});
  if (told.usage) count.text_bytes_per_token = told.bytes_per_token;
  if (told.chunks)
    count.text_bytes_per_chunk = told.bytes_per_token * told.usage.value_or(*told.chunks) / *told.chunks;
  count.over_limit_ratio = told.over_limit;
  count.assumed_tokens_per_chunk = told.assumed;
  count.suspicion = told.suspicion;
  step.token_count = count;
  if (told.engine) step.telemetry = StepTelemetry{.server_tokens_per_second = *told.engine};
  return step;
}

ScenarioResult settled(std::vector<Step> steps) {
  ScenarioResult result{.steps = std::move(steps)};
  settle_token_counts(result.steps, result.after);
  judge_token_counts(result, result.verdict);
  return result;
}
ScenarioResult settled(const Told& told) {
  return settled(std::vector{told_row(told)});
}
std::string state(const ScenarioResult& result) {
  return result.steps.at(0).token_count->state;
}

TEST(TokenCounts, TwoWitnessesThatAgreeConfirm) {
  for (const Told& told :
       {Told{.usage = 316, .chunks = 316}, Told{.usage = 600, .chunks = 300, .max_tokens = 602},
        Told{.usage = 600, .chunks = 300, .engine = 598},
        Told{.usage = 316, .chunks = 314, .engine = 900},      // others' tokens are in it
        Told{.usage = 290, .chunks = 290, .max_tokens = 316},  // the context was full
        Told{.chunks = 316, .max_tokens = 316}, Told{.chunks = 316, .engine = 316}, Told{.chunks = 316}}) {
    const ScenarioResult result = settled(told);
    EXPECT_EQ(state(result), "confirmed");
    EXPECT_EQ(result.verdict.trust(), Trust::kTrustworthy);
    EXPECT_TRUE(result.steps[0].flags.empty());
    EXPECT_TRUE(result.steps[0].tpot_seconds.p50);
  }
}

TEST(TokenCounts, UsageThatTheEngineRefutesIsReplacedByTheChunks) {
  const ScenarioResult result = settled({.usage = 553, .chunks = 316, .engine = 317, .bytes_per_token = 2.4});
  const Step& step = result.steps[0];
  EXPECT_EQ(state(result), "corrected");
  EXPECT_NEAR(*step.output_tokens_per_second.value, 316, 1e-9);
  EXPECT_NEAR(step.output_tokens_per_second.ci95->high, 316 * 1.01, 1e-9);
  EXPECT_EQ(step.token_source, TokenSource::kChunks);
  EXPECT_TRUE(step.has_flag("COUNTS_DIFFER"));
  EXPECT_NE(step.reasons.at(0).find("usage 553, chunks 316"), std::string::npos) << step.reasons.at(0);
  EXPECT_FALSE(step.tpot_seconds.p50) << "it was made of the usage";
  EXPECT_TRUE(result.verdict.valid());
  EXPECT_TRUE(result.verdict.has("witnesses_differ"));
}

TEST(TokenCounts, TheLengthAskedForCountsWhereTheEngineConfirmsIt) {
  for (const Told& told : {Told{.chunks = 303, .max_tokens = 602, .engine = 600},
                           Told{.usage = 960, .chunks = 303, .max_tokens = 602, .engine = 600}}) {
    const ScenarioResult result = settled(told);
    EXPECT_EQ(state(result), "corrected");
    EXPECT_NEAR(*result.steps[0].output_tokens_per_second.value, 602, 1e-9);
    EXPECT_EQ(result.steps[0].token_source, TokenSource::kEstimated);
    EXPECT_TRUE(result.verdict.valid());
  }
}

TEST(TokenCounts, WithoutAnEngineTheLengthAskedForConfirmsWithReservation) {
  for (const double usage : {553.0, 968.0, 120.0}) {
    const ScenarioResult result = settled({.usage = usage, .chunks = 316, .max_tokens = 317});
    EXPECT_EQ(state(result), "corrected");
    EXPECT_NEAR(*result.steps[0].output_tokens_per_second.value, 316, 1e-9);
    EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
  }
}

TEST(TokenCounts, CountsOfWhichNoneIsConfirmedAreARange) {
  for (const Told& told :
       {Told{.usage = 553, .chunks = 316, .bytes_per_token = 2.4, .suspicion = "reasoning, twice"},
        Told{.usage = 968, .chunks = 316, .max_tokens = 640, .over_limit = 1},          // more than may be
        Told{.usage = 250, .chunks = 316},                                              // characters / 4
        Told{.usage = 700, .chunks = 316, .max_tokens = 640, .engine = 1200},           // nobody agrees
        Told{.chunks = 303, .max_tokens = 602}, Told{.chunks = 303, .engine = 602}}) {  // two tokens a chunk
    const ScenarioResult result = settled(told);
    EXPECT_EQ(state(result), "differs");
    const Estimate& tokens = result.steps[0].output_tokens_per_second;
    EXPECT_FALSE(tokens.value);
    ASSERT_TRUE(tokens.ci95);
    EXPECT_LE(tokens.ci95->low, std::min(told.usage.value_or(1e9), *told.chunks));
    EXPECT_GE(tokens.ci95->high, told.max_tokens.value_or(told.usage.value_or(602)));
    EXPECT_EQ(result.verdict.trust(), Trust::kUntrusted);
    EXPECT_TRUE(result.verdict.has("witnesses_differ"));
    EXPECT_FALSE(result.steps[0].tpot_seconds.p50);
  }
}

/// 8.4 bytes a chunk are two tokens of 4.2, and two and a half of 3.4.
TEST(TokenCounts, ChunksOfSeveralTokensAreConfirmedByWhatATokenHasInTheSameRun) {
  for (const double usage : {600.0, 750.0}) {
    const Told told{.usage = usage, .chunks = 300, .bytes_per_token = 2520 / usage, .assumed = usage / 300};
    const ScenarioResult result = settled(told);
    EXPECT_EQ(state(result), "unconfirmed");
    EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
    EXPECT_TRUE(result.verdict.has("count_unconfirmed"));
    EXPECT_EQ(result.steps[0].output_tokens_per_second.value, usage);
    EXPECT_TRUE(result.steps[0].tpot_seconds.p50) << "several tokens a chunk, whatever their number";
  }
  const Step alone = told_row({.usage = 100, .chunks = 100, .bytes_per_token = 4.2}, 1);
  EXPECT_EQ(settled({alone, told_row({.usage = 600, .chunks = 300}, 8)}).steps[1].token_count->state,
            "confirmed");
  // A page of one pod of two shows half of the tokens, and so do chunks of two.
  EXPECT_NE(state(settled({.usage = 600, .chunks = 300, .engine = 300})), "corrected");
}

TEST(TokenCounts, ATokenizerOfAnotherKindRefutesNothing) {
  // Digits, one byte a token, in bursts of two; Chinese, as JSON escapes it; and what both may be.
  for (const Told& told : {Told{.usage = 600, .chunks = 300, .bytes_per_token = 1},
                           Told{.usage = 600, .chunks = 300, .bytes_per_token = 9},
                           Told{.usage = 380, .chunks = 316, .bytes_per_token = 3.5}}) {
    const ScenarioResult result = settled(told);
    EXPECT_EQ(state(result), "unconfirmed");
    EXPECT_EQ(result.steps[0].output_tokens_per_second.value, told.usage)
        << "the figure stays, and is not trusted";
    EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
    EXPECT_NE(result.verdict.reasons().at(0).find("chunks"), std::string::npos) << "both figures are told";
    // What the same run shows comes first.
    Told counted = told, full = told;
    counted.engine = full.max_tokens = told.usage;
    EXPECT_EQ(state(settled(counted)), "confirmed");
    EXPECT_EQ(state(settled(full)), "confirmed");
    EXPECT_EQ(state(settled({.usage = told.chunks, .chunks = told.chunks, .bytes_per_token = 1})),
              "confirmed");
    const ScenarioResult rows =
        settled({told_row({.usage = 300, .chunks = 300, .bytes_per_token = told.bytes_per_token}, 4),
                 told_row(told, 64)});
    EXPECT_EQ(rows.steps[1].token_count->state, "confirmed") << "a row in which a chunk is one token";
  }
}

TEST(TokenCounts, OtherRowsOfTheRunTellTheBytesOfAToken) {
  // Alone, 1.3 tokens a chunk of 5.2 bytes is either; but where chunks and usage agreed a token had 4.
  const auto merged = told_row({.usage = 1300, .chunks = 1000, .bytes_per_token = 4.0}, 64);
  const ScenarioResult result =
      settled({told_row({.usage = 300, .chunks = 300, .bytes_per_token = 4.05}, 4), merged});
  EXPECT_EQ(result.steps[1].token_count->state, "confirmed");
  EXPECT_TRUE(result.verdict.valid());
  const auto twice = told_row({.usage = 1300, .chunks = 1000, .bytes_per_token = 3.1}, 64);
  EXPECT_EQ(settled({told_row({.usage = 300, .chunks = 300, .bytes_per_token = 4.05}, 4), twice})
                .steps[1]
                .token_count->state,
            "differs");
}

TEST(TokenCounts, AResultHasOneUnit) {
  const ScenarioResult result =
      settled({told_row({.usage = 300, .chunks = 300}, 4), told_row({.chunks = 303, .max_tokens = 602}, 8)});
  EXPECT_FALSE(result.steps[0].output_tokens_per_second.value) << "else tokens and requests make one curve";
  EXPECT_NEAR(result.steps[0].output_tokens_per_second.ci95->low, 297, 1e-9);
}

TEST(TokenCounts, AnInvalidRowTakesNoFigureAway) {
  Step bad = told_row({.chunks = 303, .max_tokens = 602}, 8);
  bad.valid = false;
  const ScenarioResult result = settled({told_row({.usage = 300, .chunks = 300}, 4), bad});
  EXPECT_TRUE(result.steps[0].output_tokens_per_second.value);
  EXPECT_TRUE(result.verdict.valid());
}

TEST(TokenCounts, HiddenReasoningLeavesNoTpot) {
  // 440 tokens counted, 40 chunks seen: the usage is right, the time per token is not (400 had come before).
  const ScenarioResult hidden =
      settled({.usage = 440, .chunks = 40, .max_tokens = 440, .bytes_per_token = 0.4, .assumed = 11});
  EXPECT_EQ(state(hidden), "confirmed");
  EXPECT_FALSE(hidden.steps[0].tpot_seconds.p50);
  EXPECT_TRUE(hidden.steps[0].has_flag("TPOT_UNKNOWN"));
  const ScenarioResult half =
      settled({.usage = 80, .chunks = 40, .max_tokens = 80, .bytes_per_token = 2.1, .assumed = 2});
  EXPECT_FALSE(half.steps[0].tpot_seconds.p50) << "4.2 bytes a chunk are one token";
  const ScenarioResult several =
      settled({.usage = 600, .chunks = 300, .max_tokens = 600, .bytes_per_token = 4.2, .assumed = 2});
  EXPECT_TRUE(several.steps[0].tpot_seconds.p50) << "8.4 bytes a chunk are two";
}

TEST(TokenCounts, ChunksThatNothingConfirmsAreAReservation) {
  const ScenarioResult result = settled({.chunks = 303, .bytes_per_token = 8.8});
  EXPECT_EQ(state(result), "unconfirmed");
  EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
  EXPECT_TRUE(result.verdict.has("count_unconfirmed"));
  Step tools = told_row({.usage = 600, .chunks = 303});  // tool calls have no text
  tools.token_count->text_bytes_per_token.reset();
  EXPECT_EQ(settled(std::vector{tools}).verdict.trust(), Trust::kReserved);
  Step whole = told_row({.usage = 600, .chunks = 303});  // not streamed
  whole.token_count->witnesses.pop_back();
  EXPECT_EQ(settled(std::vector{whole}).verdict.trust(), Trust::kTrustworthy);
}

/// A host that is full answers with one word, says that it reached the length and counts all of it.
TEST(TokenCounts, ALengthOfWhichNoTextCameIsNotConfirmedByItsCount) {
  const Step light = told_row({.usage = 278, .chunks = 278, .max_tokens = 278, .bytes_per_token = 4.4}, 8);
  const Step full = told_row({.usage = 719, .chunks = 390, .max_tokens = 719, .bytes_per_token = 2.4}, 48);
  const ScenarioResult result = settled(std::vector{light, full});
  EXPECT_EQ(state(result), "confirmed");
  EXPECT_EQ(result.steps.at(1).token_count->state, "differs");
  EXPECT_EQ(result.verdict.trust(), Trust::kUntrusted);
  // Chunks of several tokens have the text of several.
  const Step several = told_row({.usage = 719, .chunks = 390, .max_tokens = 719, .bytes_per_token = 4.3}, 48);
  EXPECT_EQ(settled(std::vector{light, several}).verdict.trust(), Trust::kTrustworthy);
}

TEST(TokenCounts, ChunksThatGetFullerHoldMoreTokens) {
  const Step light = told_row({.chunks = 278, .bytes_per_token = 2.5}, 4);
  const Step full = told_row({.chunks = 190, .bytes_per_token = 5}, 16);
  const ScenarioResult result = settled(std::vector{light, full});
  EXPECT_EQ(result.steps.at(1).token_count->state, "differs");
  EXPECT_FALSE(result.steps.at(0).output_tokens_per_second.value) << "a curve is of one unit";
  EXPECT_GE(result.steps.at(1).output_tokens_per_second.ci95->high, 380);
  EXPECT_TRUE(result.verdict.has("witnesses_differ"));
  EXPECT_EQ(
      settled(std::vector{light, told_row({.chunks = 350, .bytes_per_token = 2.7}, 16)}).verdict.trust(),
      Trust::kTrustworthy);
}

TEST(TokenCounts, WitnessesAreTakenFromTheWindow) {
  SeriesStats window;
  window.chunks = 3200;
  window.usage_tokens = 5600, window.usage_chunks = 3200;  // 24 of 32 chunks reason, each counted twice
  window.reported_tokens = {2800, 2800};
  window.witnesses = {.full_asked = 3200,
                      .full_usage = 5600,
                      .full_chunks = 3200,
                      .limited = 100,
                      .over_limit = 100,
                      .text_bytes = 12800,
                      .text_chunks = 3200,
                      .counted_text_bytes = 12800,
                      .counted_text_tokens = 5600,
                      .reasoning_chunks = 2400};
  const auto count = count_witnesses({.window = window,
                                      .rate = chunk_rate(window, window),
                                      .source = TokenSource::kUsage,
                                      .tokens_per_second = 560,
                                      .seconds = 10});
  ASSERT_TRUE(count);
  ASSERT_EQ(count->witnesses.size(), 3u);
  EXPECT_NEAR(count->witnesses[1].output_tokens_per_second, 320, 1e-9);
  EXPECT_NEAR(count->witnesses[2].output_tokens_per_second, 320, 1e-9);
  EXPECT_NEAR(*count->over_limit_ratio, 1, 1e-9);
  EXPECT_NE(count->suspicion.find("twice"), std::string::npos);

  SeriesStats prompt = window;
  prompt.usage_tokens = 9600;
  prompt.witnesses.reasoning_chunks = 0;
  prompt.witnesses.counted_prompt_tokens = 6400;
  EXPECT_NE(count_witnesses({.window = prompt,
                             .rate = chunk_rate(prompt, prompt),
                             .source = TokenSource::kUsage,
                             .tokens_per_second = 960,
                             .seconds = 10})
                ->suspicion.find("prompt"),
            std::string::npos);
}

/// A host that repeats the length that was asked for, of answers that end where they end.
TEST(TokenCounts, AnswersThatAreAllAsLongAsTheyMightBeAreSuspicious) {
  SeriesStats window;
  window.chunks = 2400;
  window.usage_tokens = 4000, window.usage_chunks = 2400;
  window.unreported_chunks = {1200, 1200};
  window.witnesses = {.limited = 100, .limited_usage = 4000, .limited_within = 4000};
  const auto suspicion = [](const SeriesStats& stats) {
    const auto count = count_witnesses({.window = stats,
                                        .rate = chunk_rate(stats, stats),
                                        .source = TokenSource::kEstimated,
                                        .tokens_per_second = 400,
                                        .seconds = 10});
    return count.value_or(TokenCount{}).suspicion;
  };
  EXPECT_NE(suspicion(window).find("as long as it might be"), std::string::npos);
  SeriesStats early = window, full = window, few = window, chunks = window;
  early.early_stops = 30;
  full.witnesses.full_asked = full.witnesses.full_usage = 4000;
  few.witnesses.limited = 5;
  chunks.usage_chunks = 4000;
  for (const SeriesStats& stats : {early, full, few, chunks}) EXPECT_EQ(suspicion(stats), "");
  // Text of a usual kind confirms no count that is suspicious.
  const Told told{.usage = 400, .chunks = 240, .assumed = 1.67, .suspicion = "all alike"};
  const ScenarioResult result = settled(told);
  EXPECT_EQ(state(result), "unconfirmed");
  EXPECT_EQ(result.verdict.trust(), Trust::kReserved);
  EXPECT_NE(result.verdict.reasons().at(0).find("(all alike)"), std::string::npos);
  EXPECT_FALSE(result.steps[0].tpot_seconds.p50);
}

/// Streams in step: a window of three answers and a half, whose reasoning counts twice, holds another ratio
/// than whole answers do.
TEST(TokenCounts, TheLengthAskedForIsHeldAgainstTheSameAnswers) {
  SeriesStats window;
  window.chunks = 1680;
  window.usage_tokens = 2520, window.usage_chunks = 1440;
  window.reported_tokens = {1500,
                            1460};  // 2,960 where 1,680 · 1.75 = 2,940 would be, and more in shorter ones
  window.witnesses = {.full_asked = 1440, .full_usage = 2160, .full_chunks = 1440};
  const auto count = count_witnesses({.window = window,
                                      .rate = chunk_rate(window, window),
                                      .source = TokenSource::kUsage,
                                      .tokens_per_second = 296,
                                      .seconds = 10});
  EXPECT_NEAR(count->witnesses.at(1).output_tokens_per_second, 168, 1e-9);
  EXPECT_NEAR(count->witnesses.at(2).output_tokens_per_second, 168, 1e-9) << "not 296 · 2 / 3";
}

TEST(TokenCounts, AnswersWithoutUsageAmongOthersAreHeldAgainstTheirLengthToo) {
  SeriesStats window;  // half of the answers have usage: one token a chunk; the others have two, and none
  window.chunks = 960;
  window.usage_tokens = window.usage_chunks = 640;
  window.chunks_without_usage = 320;
  window.unreported_chunks = {480, 480};
  window.witnesses = {.full_asked = 640,
                      .full_usage = 640,
                      .full_chunks = 640,
                      .full_uncounted_asked = 640,
                      .full_uncounted_chunks = 320};
  const ChunkRate rate = chunk_rate(window, window);
  const auto count = count_witnesses({.window = window,
                                      .rate = rate,
                                      .source = rate.source(window),
                                      .tokens_per_second = 96,
                                      .seconds = 10});
  EXPECT_NEAR(count->witnesses.at(2).output_tokens_per_second, 128, 1e-9);
}

}  // namespace
}  // namespace kneepoint::coordinator
