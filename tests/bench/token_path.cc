#include "tests/bench/token_path.h"

#include <utility>

namespace kneepoint::bench {
namespace {

using agent::Chunk;
using agent::EventStatus;
using agent::HttpResponse;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr MonoTime kZero{std::chrono::hours(1)};
constexpr SeriesKey kSeries{.epoch = 1};

std::vector<Cell> one_cell() {
  Cell cell;
  cell.workload.classes = {{"all", {"What is a transformer?"}, 1}};
  cell.slo = {{SloMetric::kTtft, 0.95, milliseconds(500)}, {SloMetric::kTpot, 0.95, milliseconds(50)}};
  return {cell};
}

}  // namespace

TokenPath::TokenPath(Api api, Shape shape)
    : cells_(one_cell()),
      dialect_(agent::make_dialect(api, "m", cells_[0].workload)),
      canned_(canned_stream(api, shape, kTokensPerAnswer)),
      recorder_(kZero, kZero, cells_),
      streams_(kStreams),
      now_(kZero) {}

void TokenPath::play(std::uint64_t tokens) {
  for (std::uint64_t i = 0; i < tokens; ++i) {
    now_ += milliseconds(1);
    advance(streams_[turn_++ % kStreams]);
    recorder_.end_turn(microseconds(20));
    if (recorder_.second_of(now_) > second_) collect();
  }
}

bool TokenPath::finish() {
  now_ += std::chrono::seconds(1);
  collect();
  return sound_;
}

/// One token of one stream; with the answer's first also its head, with the last its end.
void TokenPath::advance(Stream& stream) {
  if (stream.next == 0) begin(stream);
  read(stream, canned_.reads[stream.next++]);
  if (stream.next < canned_.reads.size()) return;
  read(stream, canned_.tail);
  recorder_.end(stream.record, now_, Outcome::kSuccess);
  stream.next = 0;
}

void TokenPath::begin(Stream& stream) {
  stream.http.reset();
  stream.sse.reset();
  stream.lines.reset();
  const std::string& prompt = cells_[0].workload.classes[0].prompts[0];
  stream.memory = dialect_->begin_stream({.system = {}, .text = prompt});
  const MonoTime sent = now_ - milliseconds(20);
  recorder_.begin(stream.record, {.key = kSeries, .scheduled = sent - microseconds(30), .at = sent});
  read(stream, canned_.head);
}

void TokenPath::read(Stream& stream, std::string_view input) {
  content_events_ = 0;
  for (auto event = stream.http.next(input); event != HttpResponse::Event::kNeedMore;
       event = stream.http.next(input)) {
    if (event == HttpResponse::Event::kBody) take_body(stream, stream.http.body());
    if (event == HttpResponse::Event::kError) sound_ = false;
    if (event == HttpResponse::Event::kEnd || event == HttpResponse::Event::kError) break;
  }
  recorder_.read(now_, now_ + microseconds(40), true, content_events_);
}

void TokenPath::take_body(Stream& stream, std::string_view body) {
  if (dialect_->framing() == agent::Framing::kServerSentEvents) {
    while (stream.sse.next(body) == EventStatus::kEvent) take_event(stream, stream.sse.data());
  } else {
    while (stream.lines.next(body) == EventStatus::kEvent) take_event(stream, stream.lines.data());
  }
}

void TokenPath::take_event(Stream& stream, std::string_view data) {
  Chunk chunk;
  sound_ = dialect_->read_event(data, stream.memory, chunk) && !chunk.error && sound_;
  if (chunk.content()) ++content_events_;
  recorder_.chunk(stream.record, now_, chunk);
}

/// As an event loop and its collecting thread do once a second.
void TokenPath::collect() {
  recorder_.roll(now_);
  second_ = recorder_.second_of(now_);
  for (agent::RecordedSecond& part : recorder_.take(second_ - 1)) {
    const SecondSnapshot snapshot = std::move(part).resolve(scratch_);
    for (const auto& [key, stats] : snapshot.series) recorded_chunks_ += stats.chunks;
  }
}

}  // namespace kneepoint::bench
