// How a request's response may end, and what the ending is worth (docs/dialects.md has the table).
#include <algorithm>

#include "agent/stream/completion_stream.h"

namespace kneepoint::agent {
namespace {

/// Whether a body that was to be a JSON document is an event stream's error instead.
bool streams_an_error(std::string_view body) {
  body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));
  return body.starts_with("error:") || body.starts_with("event: error") || body.starts_with("event:error");
}

}  // namespace

/// An event that has a type, or a line that is no event. The line means nothing, unless a gateway says in it
/// that it has failed.
std::optional<Outcome> CompletionStream::take_named(const CompletionRequest& request, MonoTime at) {
  if (is_error_type(sse_.type())) return failed_by(sse_.data(), Outcome::kErrorAt200);
  if (!sse_.type().empty() && is_heartbeat(sse_.type())) return std::nullopt;
  if (!sse_.stray()) return take_event(request, sse_.data(), at);
  Chunk chunk;
  if (request.dialect->read_answer(sse_.data(), memory_, chunk) && chunk.error)
    return failed_by(sse_.data(), Outcome::kErrorAt200);
  return std::nullopt;
}

/// The peer closed. @return nothing when it did so before any byte of a response.
std::optional<Outcome> CompletionStream::connection_ended(const CompletionRequest& request, bool cleanly) {
  if (!http_.begun()) return std::nullopt;
  if (done_) return judge(request);
  const bool whole = cleanly && http_.finish() == HttpResponse::Event::kEnd;
  if (!whole && by_status_ == Outcome::kSuccess) return Outcome::kStream;
  const Outcome outcome = conclude(request, last_read_);
  // Only the close ends this body, and a host that dies closes, too, between two events or inside one.
  const bool unsaid = request.stream && !finished_ && (request.dialect->tells_end() || record_.chunks == 0);
  const bool looks_like_an_end = outcome == Outcome::kSuccess || outcome == Outcome::kParse ||
                                 outcome == Outcome::kTruncated || outcome == Outcome::kEmpty;
  return unsaid && looks_like_an_end ? Outcome::kStream : outcome;
}

/// No more of the response comes after `at`: it is complete, or refuses the request, which its status alone
/// says.
Outcome CompletionStream::conclude(const CompletionRequest& request, MonoTime at) {
  if (by_status_ != Outcome::kSuccess) {
    // Hosts that do not know an option for running usage say so by name.
    const bool about_usage = kept_body_.find("stream_options") != std::string::npos ||
                             kept_body_.find("continuous_usage") != std::string::npos;
    usage_refused_ = about_usage && (http_.status() == 400 || http_.status() == 422);
    return by_status_;
  }
  return request.stream && !document_ ? conclude_stream(request, at) : conclude_document(request, at);
}

/// The whole body has come: an answer that was not to be streamed, or what came instead of a stream.
Outcome CompletionStream::conclude_document(const CompletionRequest& request, MonoTime at) {
  kept_body_.reserve(kept_body_.size() + kPadding);
  Chunk chunk;
  bool read = request.dialect->read_answer(kept_body_, memory_, chunk);
  if (!read && request.stream) {
    // An error, and a stream's end behind it.
    const std::string_view line = std::string_view(kept_body_).substr(0, kept_body_.find('\n'));
    chunk = Chunk();
    read = request.dialect->read_answer(line, memory_, chunk);
  }
  if (!read) return streams_an_error(kept_body_) ? Outcome::kErrorAt200 : Outcome::kParse;
  if (chunk.error) return Outcome::kErrorAt200;
  if (request.stream) return Outcome::kParse;  // when its tokens came cannot be told
  aborted_ = chunk.aborted;
  finished_ = true;
  if (request.keep_answer) request.conversation->add_answer(chunk.text);
  context_.recorder.chunk(record_, at, chunk);
  return judge(request);
}

Outcome CompletionStream::conclude_stream(const CompletionRequest& request, MonoTime at) {
  if (request.dialect->framing() == Framing::kServerSentEvents) {
    if (sse_.finish() == EventStatus::kEvent) {
      if (const auto outcome = take_named(request, at)) return *outcome;
    }
  } else if (lines_.finish() == EventStatus::kEvent) {
    if (const auto outcome = take_event(request, lines_.data(), at)) return *outcome;
  }
  return judge(request);
}

/// What an answer is worth whose body has ended in order: an end is none without content, and content is no
/// answer without an end.
Outcome CompletionStream::judge(const CompletionRequest& request) const {
  if (aborted_) return Outcome::kAborted;
  const bool told = finished_ || !request.dialect->tells_end();
  if (record_.chunks > 0) return told ? Outcome::kSuccess : Outcome::kTruncated;
  // One token without text is that which ends the answer.
  if (record_.has_usage && record_.completion_tokens > 1) return Outcome::kUnread;
  return told || !heard_ ? Outcome::kEmpty : Outcome::kTruncated;
}

}  // namespace kneepoint::agent
