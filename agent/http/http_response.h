#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kneepoint::agent {

/// An incremental HTTP/1.x response parser for streams: it never copies a body byte. The caller feeds what it
/// has read and pulls events until `kNeedMore`:
///
///     while ((event = parser.next(input)) != Event::kNeedMore) { … }
///
/// Understands chunked bodies (extensions and trailers are skipped), Content-Length, bodies that end with the
/// connection, HTTP/1.0, interim 1xx responses (skipped), header values that go on in the next line
/// (obs-fold) and bare LF line ends. A header section over 64 KiB, and anything malformed, is `kError`, after
/// which the connection is useless. Compressed bodies are an error: none was asked for. An own parser and not
/// Beast's, because it must hand out views into the thread's read buffer as they come.
class HttpResponse {
 public:
  enum class Event : std::uint8_t {
    kNeedMore,  ///< `input` is used up.
    kHeaders,   ///< status() and the rest are known.
    kBody,      ///< body() is the next piece, a view into the input, never empty.
    kEnd,       ///< The response is complete; bytes left in `input` were not asked for.
    kError,     ///< error() says why.
  };

  /// What may be watched for at once.
  enum Watch : std::uint8_t { kReplica, kSession, kWatches };
  /// Keeps the value of this header, if a response has it. @param lower_case outlives the parser, or is
  /// empty.
  void watch(Watch which, std::string_view lower_case) { watched_names_[which] = lower_case; }
  /// The watched header's value, once the headers are complete; empty where there is none.
  const std::string& watched(Watch which) const { return watched_[which]; }

  /// X-Request-Id of a response whose status is no success; empty where there is none.
  std::string_view request_id() const { return request_id_ ? std::string_view(*request_id_) : ""; }

  /// Forgets everything but what to watch, for the next response on the same connection.
  void reset();

  /// Consumes a part of `input` and says what it found.
  Event next(std::string_view& input);
  /// The connection ended. @return kEnd when the body is complete by that, kError when something is missing.
  Event finish();

  int status() const { return status_; }
  std::string_view body() const { return body_; }
  /// Whether the connection may carry another request, once the response is complete.
  bool keep_alive() const { return keep_alive_; }
  std::string_view error() const { return error_; }
  /// Any byte of a response has been seen.
  bool begun() const { return begun_; }

 private:
  enum class State : std::uint8_t {
    kStatusLine,
    kHeaderLine,
    kHeadersDone,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailer,
    kLength,
    kUntilClose,
    kComplete,
    kFailed,
  };

  bool take_line(std::string_view& input, std::string_view& line);
  bool parse_status_line(std::string_view line);
  bool take_header(std::string_view line, std::string_view rest);
  bool parse_header(std::string_view line);
  bool parse_chunk_size(std::string_view line);
  State body_state();
  Event fail(std::string_view why);

  State state_ = State::kStatusLine;
  bool begun_ = false;
  bool keep_alive_ = true;
  bool chunked_ = false;
  bool has_length_ = false;
  int status_ = 0;
  std::uint64_t left_ = 0;        // of the chunk or of the whole body
  std::uint32_t head_bytes_ = 0;  // of header section or trailers so far
  std::string line_;              // the start of a line that a read cut in two
  std::string header_;            // a header whose value may go on in the next line
  std::array<std::string_view, kWatches> watched_names_{};
  std::array<std::string, kWatches> watched_;
  std::unique_ptr<std::string> request_id_;  // nearly never there: its place costs every stream
  std::string_view body_;
  std::string_view error_;
};

}  // namespace kneepoint::agent
