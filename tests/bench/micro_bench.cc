// What each layer of the token path costs alone. Times are as noisy as the machine; for a regression see
// instructions.py.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "agent/http/http_response.h"
#include "agent/prompts/prompt_source.h"
#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"
#include "common/histogram.h"
#include "tests/bench/canned_stream.h"
#include "tests/bench/token_path.h"

namespace kneepoint::bench {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kTokens = 256;

/// One read with one HTTP chunk in it.
void http_response(benchmark::State& state) {
  const CannedStream canned = canned_stream(Api::kOpenAiChat, Shape::kUsual, kTokens);
  agent::HttpResponse http;
  std::string_view head = canned.head;
  while (http.next(head) != agent::HttpResponse::Event::kNeedMore) {
  }
  std::size_t i = 0;
  for (auto _ : state) {
    std::string_view input = canned.reads[i++ % kTokens];
    while (http.next(input) == agent::HttpResponse::Event::kBody)
      benchmark::DoNotOptimize(http.body().data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(http_response);

/// One event in one piece, as it nearly always comes; and cut in two, which copies it.
void sse_framing(benchmark::State& state) {
  const bool split = state.range(0) != 0;
  const CannedStream canned = canned_stream(Api::kOpenAiChat, Shape::kUsual, kTokens);
  std::vector<std::string> events;
  for (const std::string& json : canned.payload) {
    events.push_back("data: " + json + "\n\n");
    events.back().reserve(events.back().size() + kPadding);
  }
  SseParser sse;
  std::size_t i = 0;
  for (auto _ : state) {
    const std::string_view event = events[i++ % kTokens];
    const std::size_t cut = split ? event.size() / 2 : 0;
    std::string_view first = event.substr(0, cut), rest = event.substr(cut);
    if (split) benchmark::DoNotOptimize(sse.next(first));
    if (sse.next(rest) != EventStatus::kEvent) state.SkipWithError("no event");
    benchmark::DoNotOptimize(sse.data().data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sse_framing)->ArgName("split")->Arg(0)->Arg(1);

void read_event(benchmark::State& state, Api api, Shape shape) {
  const CannedStream canned = canned_stream(api, shape, kTokens);
  const auto dialect = *make_dialect(canned_target(api), Workload());
  StreamMemory memory = dialect->begin_stream({.system = {}, .text = "What is a transformer?"});
  std::size_t i = 0;
  for (auto _ : state) {
    Chunk chunk;
    if (!dialect->read_event(canned.payload[i++ % kTokens], memory, chunk)) state.SkipWithError("malformed");
    benchmark::DoNotOptimize(chunk);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(read_event, chat, Api::kOpenAiChat, Shape::kUsual);
BENCHMARK_CAPTURE(read_event, chat_unusual, Api::kOpenAiChat, Shape::kUnusual);
BENCHMARK_CAPTURE(read_event, completions, Api::kOpenAiCompletions, Shape::kUsual);
BENCHMARK_CAPTURE(read_event, custom, Api::kCustom, Shape::kUsual);
BENCHMARK_CAPTURE(read_event, generate, Api::kVllmGenerate, Shape::kUsual);

/// Durations spread over the octaves in which latencies lie.
Nanos spread(std::uint64_t i) {
  return microseconds(20 + i * 7919 % 50'000);
}

void histogram_record(benchmark::State& state) {
  DenseHistogram histogram;
  std::uint64_t i = 0;
  for (auto _ : state) histogram.record(spread(i++));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(histogram_record);

/// A second of `values` values, recorded and taken.
void histogram_drain(benchmark::State& state) {
  DenseHistogram histogram;
  const auto values = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < values; ++i) histogram.record(spread(i));
    benchmark::DoNotOptimize(histogram.drain());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(histogram_drain)->ArgName("values")->Arg(100)->Arg(10'000);

void histogram_merge(benchmark::State& state) {
  DenseHistogram dense;
  for (std::uint64_t i = 0; i < 10'000; ++i) dense.record(spread(i));
  const Histogram one = dense.drain();
  Histogram sum;
  for (auto _ : state) {
    sum.merge(one);
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(histogram_merge);

/// What the recorder does per content chunk, the collection of the ended seconds included.
void recorder_chunk(benchmark::State& state) {
  constexpr MonoTime kZero{std::chrono::hours(1)};
  const std::vector<Cell> cells(1);
  agent::Recorder recorder(kZero, kZero, cells);
  agent::RequestRecord record;
  recorder.begin(record, {.key = {.epoch = 1}, .scheduled = kZero, .at = kZero});
  const Chunk chunk{.answer = true, .completion_tokens = std::nullopt, .prompt_tokens = std::nullopt};
  DenseHistogram scratch;
  MonoTime now = kZero;
  std::uint64_t i = 0;
  for (auto _ : state) {
    now += microseconds(50);
    recorder.chunk(record, now, chunk);
    recorder.read(now, now + microseconds(40), true, 1);
    recorder.end_turn(microseconds(20));
    if (++i % 20'000 != 0) continue;  // a second has passed
    recorder.roll(now);
    for (agent::RecordedSecond& part : recorder.take(recorder.second_of(now) - 1)) {
      benchmark::DoNotOptimize(std::move(part).resolve(scratch));
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(recorder_chunk);

/// A request's body with a made text, as a thread writes it between two reads of its streams.
void made_prompt(benchmark::State& state) {
  Cell cell;
  cell.workload.classes = {{"all", {}, 1}};
  cell.workload.synthetic = Synthetic{.input_tokens = state.range(0)};
  const auto dialect = *make_dialect({.model = "m"}, cell.workload);
  const auto source = *agent::PromptSource::create(cell, 1, nullptr);
  agent::ConversationState conversation;
  agent::PromptBuffer buffer;
  agent::Ticket ticket;
  std::string body;
  for (auto _ : state) {
    ++ticket.identity.k;
    body.clear();
    const agent::PromptPick pick = source->pick(ticket, conversation);
    dialect->write_body(source->render(pick, conversation, buffer), UsageOption::kFinal, body);
    benchmark::DoNotOptimize(body.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(made_prompt)->ArgName("tokens")->Arg(1024)->Arg(256 * 1024);

/// All layers together.
void token_path(benchmark::State& state, Api api, Shape shape) {
  constexpr std::uint64_t kBatch = 1024;
  TokenPath path(api, shape);
  for (auto _ : state) path.play(kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  if (!path.finish()) state.SkipWithError("a read was not understood");
}
BENCHMARK_CAPTURE(token_path, chat, Api::kOpenAiChat, Shape::kUsual);
BENCHMARK_CAPTURE(token_path, chat_unusual, Api::kOpenAiChat, Shape::kUnusual);

}  // namespace
}  // namespace kneepoint::bench

BENCHMARK_MAIN();
