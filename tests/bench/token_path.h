#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/stream/completion_stream.h"
#include "common/clock.h"
#include "tests/bench/canned_stream.h"

namespace kneepoint::bench {

/// What the agent does with a token between the read and the second's histograms, without sockets, coroutines
/// and clocks: agent::CompletionStream::take_read of real streams (HTTP, framing, dialect, recorder,
/// deadlines) and the collection of every ended second. Every run of equal arguments executes the same
/// instructions, so that a regression shows on the noisiest machine. Left out are what goes before and behind
/// the reads of an answer (writing the request, CompletionStream::perform and attempt) and, per token, the
/// poller, the coroutine's resumption and the system calls: those are what cost_per_token.py measures.
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
    explicit Stream(const agent::ThreadContext& context) : stream(context) {}
    agent::CompletionStream stream;
    std::size_t next = 0;  ///< The next of CannedStream::reads.
  };

  void advance(Stream& stream);
  void begin(Stream& stream);
  std::optional<Outcome> read(Stream& stream, std::string_view input);
  void collect();

  std::vector<Cell> cells_;
  std::unique_ptr<Dialect> dialect_;
  CannedStream canned_;
  agent::Poller poller_;
  agent::Resolver resolver_;
  agent::ThreadBuffers buffers_;
  agent::ConnectionPool pool_;
  agent::Recorder recorder_;
  agent::CompletionRequest request_;
  DenseHistogram scratch_;
  std::vector<std::unique_ptr<Stream>> streams_;
  MonoTime now_;
  std::int64_t second_ = 0;
  std::size_t turn_ = 0;
  std::uint64_t recorded_chunks_ = 0;
  bool sound_ = true;
};

}  // namespace kneepoint::bench
