// What a server says of its tokens, held against what came.
#include <gtest/gtest.h>

#include <functional>

#include "agent/record/recorder.h"

namespace kneepoint::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Told {
  std::optional<std::uint64_t> running;  ///< In the content chunk.
  bool reasoning = false;
  std::size_t bytes = 4;
};
struct Answer {
  std::vector<Told> chunks;
  std::optional<std::uint64_t> usage, prompt;  ///< After the content.
  std::optional<std::uint32_t> cached_tokens, reasoning_tokens;
  std::optional<std::uint32_t> audio_prompt_tokens, audio_tokens;
  bool at_limit = true;
  std::uint32_t asked = 40;
  Nanos every = milliseconds(10), first = milliseconds(100);
  Outcome outcome = Outcome::kSuccess;
  Nanos tail{};   ///< From the last content to the end.
  Nanos pause{};  ///< More, before the second chunk.
  std::optional<std::uint16_t> model_mark;
};
std::vector<Told> chunks(
    int n, const std::function<Told(int)>& told = [](int) { return Told(); }) {
  std::vector<Told> all;
  for (int i = 1; i <= n; ++i) all.push_back(told(i));
  return all;
}

/// One answer after the other, a chunk every 10 ms from 100 ms after the send on.
class RecorderWitnessTest : public ::testing::Test {
 protected:
  RecorderWitnessTest() { recorder_.emplace(zero_, zero_, cells_); }

  SeriesStats heard(const Answer& answer) {
    RequestRecord record;
    MonoTime at = zero_ + milliseconds(5);
    recorder_->begin(record, {.at = at, .asked_output_tokens = answer.asked});
    at += answer.first - answer.every;
    for (const Told& told : answer.chunks) {
      at += answer.every + (&told == &answer.chunks.front() + 1 ? answer.pause : Nanos(0));
      recorder_->chunk(record, at,
                       {.answer = !told.reasoning,
                        .reasoning = told.reasoning,
                        .completion_tokens = told.running,
                        .text_bytes = told.bytes});
    }
    recorder_->chunk(record, at,
                     {.finished = true,
                      .at_limit = answer.at_limit,
                      .completion_tokens = answer.usage,
                      .prompt_tokens = answer.prompt,
                      .details = UsageDetails{.cached_tokens = answer.cached_tokens,
                                              .reasoning_tokens = answer.reasoning_tokens,
                                              .audio_prompt_tokens = answer.audio_prompt_tokens,
                                              .audio_tokens = answer.audio_tokens},
                      .model_mark = answer.model_mark});
    recorder_->end(record, at + answer.tail, answer.outcome);
    recorder_->roll(zero_ + seconds(60));
    DenseHistogram scratch;
    SeriesStats sum;
    for (RecordedSecond& part : recorder_->take(59)) {
      const SecondSnapshot second = std::move(part).resolve(scratch);
      for (const auto& [key, stats] : second.series) sum.merge(stats);
    }
    return sum;
  }
  static double tokens(const SeriesStats& s) {
    const double rate =
        s.usage_chunks > 0 ? static_cast<double>(s.usage_tokens) / static_cast<double>(s.usage_chunks) : 1;
    return static_cast<double>(s.reported_tokens[0] + s.reported_tokens[1]) +
           rate * static_cast<double>(s.unreported_chunks[0] + s.unreported_chunks[1]);
  }

  const MonoTime zero_{std::chrono::hours(1)};
  std::vector<Cell> cells_ = std::vector<Cell>(1);
  std::optional<Recorder> recorder_;
};

TEST_F(RecorderWitnessTest, AZeroBesideContentIsNoCount) {
  const auto zeros = [](int) { return Told{.running = 0}; };
  const SeriesStats never = heard({.chunks = chunks(40, zeros), .usage = 0});
  EXPECT_EQ(never.usage_tokens, 0u);
  EXPECT_EQ(never.chunks_without_usage, 40u);
  EXPECT_EQ(tokens(never), 40);
  EXPECT_NEAR(*never.tpot.mean_seconds(), 0.01, 1e-9) << "TPOT is made of chunks then";
  EXPECT_EQ(never.early_stops, 0u);
}

TEST_F(RecorderWitnessTest, ZerosUntilTheRealCountAreNone) {
  const SeriesStats late =
      heard({.chunks = chunks(40, [](int) { return Told{.running = 0}; }), .usage = 80, .asked = 80});
  EXPECT_EQ(late.reported_tokens[0] + late.reported_tokens[1], 0u);
  EXPECT_EQ(late.usage_tokens, 80u);
  EXPECT_EQ(tokens(late), 80) << "spread over the chunks, not all at the end";
}

TEST_F(RecorderWitnessTest, CountsThatFallAreNoCounts) {
  // It begins anew when the reasoning is over, and says what the answer had in the end.
  const SeriesStats s =
      heard({.chunks = chunks(40, [](int i) { return Told{.running = i <= 30 ? i : i - 30}; }), .usage = 10});
  EXPECT_EQ(s.usage_tokens, 0u) << "10 tokens for 40 chunks";
  EXPECT_EQ(tokens(s), 40);
}

TEST_F(RecorderWitnessTest, CountsPerChunkAreNoRunningCounts) {
  const SeriesStats constant = heard({.chunks = chunks(40, [](int) { return Told{.running = 1}; })});
  EXPECT_EQ(constant.usage_tokens, 0u);
  EXPECT_EQ(tokens(constant), 40);
  const SeriesStats total =
      heard({.chunks = chunks(40, [](int) { return Told{.running = 2}; }), .usage = 80});
  EXPECT_EQ(total.usage_tokens, 80u) << "the total at the end is one";
  EXPECT_NEAR(tokens(total), 80, 2);
}

TEST_F(RecorderWitnessTest, TwoChunksOfOneTokenAreNoFault) {
  const SeriesStats s = heard(
      {.chunks = chunks(40, [](int i) { return Told{.running = (i + 1) / 2}; }), .usage = 20, .asked = 20});
  EXPECT_EQ(s.usage_tokens, 20u);
  EXPECT_EQ(s.reported_tokens[0] + s.reported_tokens[1], 20u);
}

TEST_F(RecorderWitnessTest, UsageBehindTheLastEventCounts) {
  const SeriesStats s = heard({.chunks = chunks(40), .usage = 40});
  EXPECT_EQ(s.usage_tokens, 40u);
  EXPECT_EQ(s.witnesses.full_asked, 40u);
  EXPECT_EQ(s.witnesses.full_usage, 40u);
  EXPECT_EQ(s.witnesses.full_chunks, 40u);
  EXPECT_EQ(s.witnesses.limited, 1u);
  EXPECT_EQ(s.witnesses.over_limit, 0u);
  EXPECT_EQ(s.witnesses.text_bytes, 160u);
  EXPECT_EQ(s.witnesses.counted_text_tokens, 40u);
}

TEST_F(RecorderWitnessTest, WhatFollowsTheLastContentIsItsTail) {
  EXPECT_EQ(heard({.chunks = chunks(40), .tail = milliseconds(300)}).witnesses.tail_micros, 300'000u);
  EXPECT_EQ(heard({.chunks = chunks(40)}).witnesses.tail_micros, 0u);
  const Answer broken{.chunks = chunks(40), .outcome = Outcome::kStream, .tail = milliseconds(300)};
  EXPECT_EQ(heard(broken).witnesses.tail_micros, 0u) << "its E2E is not recorded either";
}

TEST_F(RecorderWitnessTest, AnswersThatEndedByThemselvesOnlyBoundTheCount) {
  const SeriesStats s = heard({.chunks = chunks(30), .usage = 55, .at_limit = false});
  EXPECT_EQ(s.witnesses.full_asked, 0u);
  EXPECT_EQ(s.witnesses.over_limit, 1u);
  EXPECT_EQ(s.witnesses.limited_usage, 55u);
  EXPECT_EQ(s.witnesses.limited_within, 40u);
}

TEST_F(RecorderWitnessTest, CachedPromptTokensCountWhereTheyAreTold) {
  const AnswerWitnesses told =
      heard({.chunks = chunks(40), .usage = 40, .prompt = 100, .cached_tokens = 64}).witnesses;
  EXPECT_EQ(told.cache_told_prompt, 100u);
  EXPECT_EQ(told.cached_prompt, 64u);
  EXPECT_EQ(heard({.chunks = chunks(40), .usage = 40, .prompt = 100}).witnesses.cache_told_prompt, 0u);
  const AnswerWitnesses more =
      heard({.chunks = chunks(40), .usage = 40, .prompt = 100, .cached_tokens = 640}).witnesses;
  EXPECT_EQ(more.cached_prompt, 100u) << "no more than the prompt was in the cache";
}

TEST_F(RecorderWitnessTest, TpotCountsFromWhatHadComeWithTheFirstChunk) {
  // 400 tokens of reasoning that is not shown, then 40 of the answer in steps of 10 ms.
  const SeriesStats running =
      heard({.chunks = chunks(40, [](int i) { return Told{.running = 400 + i}; }), .usage = 440, .asked = 0});
  EXPECT_NEAR(*running.tpot.mean_seconds(), 0.01, 1e-9);
  EXPECT_EQ(running.witnesses.assumed_usage, 0u);
  const SeriesStats reported =
      heard({.chunks = chunks(40), .usage = 440, .reasoning_tokens = 400, .asked = 0});
  EXPECT_NEAR(*reported.tpot.mean_seconds(), 0.01, 1e-9);
  const SeriesStats silent = heard({.chunks = chunks(40), .usage = 440, .asked = 0});
  EXPECT_EQ(silent.witnesses.assumed_usage, 440u) << "nobody told: the coordinator has to judge";
  EXPECT_EQ(silent.witnesses.assumed_chunks, 40u);
  // Reasoning that is shown came one after the other like the rest.
  const SeriesStats shown = heard({.chunks = chunks(40, [](int i) { return Told{.reasoning = i <= 30}; }),
                                   .usage = 40,
                                   .reasoning_tokens = 30});
  EXPECT_NEAR(*shown.tpot.mean_seconds(), 0.01, 1e-9);
  EXPECT_EQ(shown.witnesses.reasoning_chunks, 30u);
  EXPECT_EQ(shown.witnesses.reasoning_tokens, 30u);
}

TEST_F(RecorderWitnessTest, AudioIsAPartOfWhatIsCounted) {
  const SeriesStats s =
      heard({.chunks = chunks(40), .usage = 40, .prompt = 30, .audio_prompt_tokens = 12, .audio_tokens = 8});
  EXPECT_EQ(s.witnesses.audio_prompt_tokens, 12u);
  EXPECT_EQ(s.witnesses.audio_tokens, 8u);
  const SeriesStats absurd =
      heard({.chunks = chunks(40), .usage = 40, .prompt = 30, .audio_prompt_tokens = 99, .audio_tokens = 99});
  EXPECT_EQ(absurd.witnesses.audio_prompt_tokens, 30u) << "no more than the whole";
  EXPECT_EQ(absurd.witnesses.audio_tokens, 40u);
}

TEST_F(RecorderWitnessTest, ChunksOfSeveralTokensBeginWithSeveral) {
  const SeriesStats s =
      heard({.chunks = chunks(20, [](int i) { return Told{.running = 2 * i}; }), .usage = 40});
  EXPECT_NEAR(*s.tpot.mean_seconds(), 0.005, 1e-9) << "19 gaps of 10 ms for 38 tokens";
}

TEST_F(RecorderWitnessTest, AnAnswerInOnePieceIsOneThatNoHostMakes) {
  const auto one_piece = [&](const Answer& answer) {
    const SeriesStats s = heard(answer);
    return std::pair(s.witnesses.long_answers, s.witnesses.one_piece_answers);
  };
  using Counts = std::pair<std::uint64_t, std::uint64_t>;
  EXPECT_EQ(one_piece({.chunks = chunks(40), .every = Nanos(0), .first = milliseconds(800)}), Counts(1, 1));
  EXPECT_EQ(one_piece({.chunks = chunks(40), .every = Nanos(2000), .first = milliseconds(800)}), Counts(1, 1))
      << "over several reads";
  EXPECT_EQ(one_piece({.chunks = chunks(40)}), Counts(1, 0));
  EXPECT_EQ(one_piece({.chunks = chunks(4), .every = Nanos(0), .first = milliseconds(80)}), Counts(0, 0))
      << "one speculative step";
  EXPECT_EQ(one_piece({.chunks = chunks(40), .every = milliseconds(1), .first = seconds(5)}), Counts(1, 0))
      << "queued for long, then fast";
  EXPECT_EQ(one_piece({.chunks = chunks(40), .every = Nanos(0), .first = milliseconds(2)}), Counts(1, 0))
      << "a host that may be so fast";
}

TEST_F(RecorderWitnessTest, AFirstChunkThatNothingFollowsForLongIsCounted) {
  const SeriesStats alone = heard({.chunks = chunks(24), .usage = 24, .pause = milliseconds(790)});
  EXPECT_EQ(alone.witnesses.early_firsts, 1u);
  EXPECT_EQ(alone.witnesses.early_first_micros, 800'000u);
  EXPECT_EQ(heard({.chunks = chunks(24), .usage = 24}).witnesses.early_firsts, 0u);
  EXPECT_EQ(heard({.chunks = chunks(24), .usage = 24, .pause = milliseconds(35)}).witnesses.early_firsts, 0u)
      << "one slow step";
  EXPECT_EQ(heard({.chunks = chunks(4), .usage = 4, .pause = milliseconds(790)}).witnesses.early_firsts, 0u)
      << "too short to tell";
}

TEST_F(RecorderWitnessTest, NamesOfModelsAreToldBySums) {
  EXPECT_EQ(heard({.chunks = chunks(24), .usage = 24}).witnesses.named_answers, 0u);
  heard({.chunks = chunks(24), .usage = 24, .model_mark = 0});
  const AnswerWitnesses other = heard({.chunks = chunks(24), .usage = 24, .model_mark = 77}).witnesses;
  EXPECT_EQ(other.named_answers, 1u);
  EXPECT_EQ(other.model_marks, 77u);
  EXPECT_EQ(other.model_mark_squares, 77u * 77u);
}

TEST_F(RecorderWitnessTest, RequestsThatNeverGetAnAnswerAreCounted) {
  EXPECT_EQ(heard({.chunks = {}, .outcome = Outcome::kTimeout}).witnesses.unanswered, 1u);
  EXPECT_EQ(heard({.chunks = chunks(3), .outcome = Outcome::kTimeout}).witnesses.unanswered, 0u);
  EXPECT_EQ(heard({.chunks = {}, .outcome = Outcome::kRejected}).witnesses.unanswered, 0u);
}

TEST_F(RecorderWitnessTest, ALongTurnIsNoLatenessOfItsOnlyRead) {
  const auto generator = [&](int reads) {
    for (int i = 0; i < reads; ++i) recorder_->read(zero_, zero_, true, 40);
    recorder_->end_turn(milliseconds(5));  // it parses 40 events
    recorder_->read(zero_, zero_, true, 1);
    recorder_->end_turn(Nanos(0));
    recorder_->roll(zero_ + seconds(1));
    return recorder_->take(0).at(0).generator;
  };
  const GeneratorStats alone = generator(1);
  EXPECT_EQ(alone.client_coalesced, 0u);
  EXPECT_EQ(alone.joined_events, 39u);
  EXPECT_EQ(alone.late_reads, 1u) << "the next turn began late";
  recorder_.emplace(zero_, zero_, cells_);
  const GeneratorStats two = generator(2);
  EXPECT_EQ(two.client_coalesced, 2u) << "the second waited for the first";
  EXPECT_EQ(two.late_joined_events, 78u);
}

}  // namespace
}  // namespace kneepoint::agent
