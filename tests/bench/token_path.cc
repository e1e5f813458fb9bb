#include "tests/bench/token_path.h"

#include <utility>

namespace kneepoint::bench {
namespace {

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
      dialect_(*make_dialect(canned_target(api), cells_[0].workload)),
      canned_(canned_stream(api, shape, kTokensPerAnswer)),
      resolver_(poller_),
      pool_(poller_, resolver_, buffers_),
      recorder_(kZero, kZero, cells_),
      now_(kZero) {
  request_.dialect = dialect_.get();
  for (std::size_t i = 0; i < kStreams; ++i) {
    streams_.push_back(
        std::make_unique<Stream>(agent::ThreadContext{poller_, resolver_, recorder_, buffers_, pool_}));
  }
}

void TokenPath::play(std::uint64_t tokens) {
  for (std::uint64_t i = 0; i < tokens; ++i) {
    now_ += milliseconds(1);
    advance(*streams_[turn_++ % kStreams]);
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
  sound_ = !read(stream, canned_.reads[stream.next++]) && sound_;
  if (stream.next < canned_.reads.size()) return;
  sound_ = read(stream, canned_.tail) == Outcome::kSuccess && sound_;
  stream.stream.deadline_.disarm();
  recorder_.end(stream.stream.record_, now_, Outcome::kSuccess);
  stream.next = 0;
}

void TokenPath::begin(Stream& stream) {
  agent::CompletionStream& real = stream.stream;
  const std::string& prompt = cells_[0].workload.classes[0].prompts[0];
  real.memory_ = dialect_->begin_stream({.system = {}, .text = prompt});
  const MonoTime sent = now_ - milliseconds(20);
  recorder_.begin(real.record_, {.key = kSeries, .scheduled = sent - microseconds(30), .at = sent});
  real.forget_response();
  real.idle_timeout_ = std::chrono::seconds(60);
  real.request_deadline_ = sent + std::chrono::minutes(10);
  real.deadline_.arm(real.request_deadline_);
  real.last_read_ = sent;
  sound_ = !read(stream, canned_.head) && sound_;
}

/// @return the outcome when the answer is over.
std::optional<Outcome> TokenPath::read(Stream& stream, std::string_view input) {
  return stream.stream.take_read(request_, input,
                                 {.status = agent::ReadResult::Status::kData,
                                  .bytes = input.size(),
                                  .received = now_,
                                  .processed = now_ + microseconds(40),
                                  .stamped = true});
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
