#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/dialects/dialect.h"
#include "agent/event_framing.h"
#include "agent/http_response.h"
#include "agent/recorder.h"
#include "common/clock.h"
#include "tests/bench/canned_stream.h"

namespace kneepoint::bench {

/// What the agent does with a token between the read and the second's histograms, without sockets, coroutines
/// and clocks: HTTP, framing, dialect, recorder, and the collection of every ended second. Every run of equal
/// arguments executes the same instructions, so that a regression shows on the noisiest machine. Follows
/// agent::CompletionStream::consume and take_event; the loop and the system calls around them are what
/// cost_per_token.py measures.
class TokenPath {
 public:
  static constexpr std::size_t kStreams = 16;
  static constexpr std::size_t kTokensPerAnswer = 256;

  TokenPath(Api api, Shape shape);

  /// Plays `tokens` tokens, round robin over the streams, one millisecond apart.
  void play(std::uint64_t tokens);
  /// Content chunks in the seconds collected so far, and after finish() all of them.
  std::uint64_t recorded_chunks() const { return recorded_chunks_; }
  /// Collects what is left. @return whether every read meant what it should.
  bool finish();

 private:
  struct Stream {
    agent::HttpResponse http;
    agent::SseParser sse;
    agent::LineParser lines;
    agent::StreamMemory memory;
    agent::RequestRecord record;
    std::size_t next = 0;  ///< The next of CannedStream::reads.
  };

  void advance(Stream& stream);
  void begin(Stream& stream);
  void read(Stream& stream, std::string_view input);
  void take_body(Stream& stream, std::string_view body);
  void take_event(Stream& stream, std::string_view data);
  void collect();

  std::vector<Cell> cells_;
  std::unique_ptr<agent::Dialect> dialect_;
  CannedStream canned_;
  agent::Recorder recorder_;
  DenseHistogram scratch_;
  std::vector<Stream> streams_;
  MonoTime now_;
  std::int64_t second_ = 0;
  std::size_t turn_ = 0;
  std::uint32_t content_events_ = 0;  // of the present read
  std::uint64_t recorded_chunks_ = 0;
  bool sound_ = true;
};

}  // namespace kneepoint::bench
