#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http/http_response.h"
#include "agent/net/connection_pool.h"
#include "agent/net/task.h"
#include "agent/prompts/prompt_source.h"
#include "agent/record/recorder.h"
#include "agent/stream/lease.h"
#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"

namespace kneepoint::bench {
class TokenPath;
}

namespace kneepoint::agent {

/// What the streams of one thread share.
struct ThreadContext {
  Poller& poller;
  Resolver& resolver;
  Recorder& recorder;
  ThreadBuffers& buffers;
  ConnectionPool& pool;
  Lease* lease = nullptr;  ///< Of the load; null: there is none, and it is always allowed.

  /// Whether a request may be written at `now`. Asked with the clock read just before: what a request waited
  /// for meanwhile, a connection or this process, which was stopped, may have outlasted the lease.
  bool may_write(MonoTime now) const { return lease == nullptr || lease->allows(now); }
};

/// One request.
struct CompletionRequest {
  const Route* route = nullptr;
  Dialect* dialect = nullptr;
  std::string_view headers;        ///< Beside the route's, each with its CRLF.
  std::string_view key;            ///< The same, for the host's permission.
  std::string* session = nullptr;  ///< Value of the route's session header; may be given by the response.
  UsageOption* usage = nullptr;    ///< What to ask for; lowered when the host refuses it and accepts less.
  bool stream = true;
  const PromptSource* source = nullptr;
  PromptPick pick;
  ConversationState* conversation =
      nullptr;  ///< Its history is sent along; hears the answer where it goes on.
  bool keep_answer = false;
  std::string id;  ///< Sent as X-Request-Id.
  SeriesKey series;
  std::uint32_t slot = 0;
  std::uint64_t k = 0;
  MonoTime intended{};              ///< When the schedule meant it to be sent.
  std::optional<MonoTime> arrival;  ///< When it was due, in an open loop.
};

/// How a request ended.
struct Ending {
  Outcome outcome = Outcome::kSuccess;
  MonoTime at{};  ///< The receive time of the byte that ended it; now where none did.
};

/// One slot's requests, one after the other on a kept-alive connection, which is exchanged with the thread's
/// pool where the next request goes to another replica: a coroutine per request that reads
/// from top to bottom. Everything that happens to a request is told to the recorder here.
///
/// Timeouts: from the send to the last byte (`request_timeout`), once content has come between any two reads
/// (`idle_timeout`), and 250 ms from the stream's end marker to the end of the body, which some hosts leave
/// open: the answer is whole, and costs its connection. They cost one timer per request: it is looked at
/// again when it fires, not moved per token.
class CompletionStream {
 public:
  explicit CompletionStream(const ThreadContext& context);

  /// Opens the connection ahead of the first request. Failure is left for the request to find out.
  Task<void> connect_ahead(const Route& route);
  /// Between two requests: closes the connection.
  void disconnect();
  /// The same, but leaves it open to the thread's other streams.
  void give_back();
  /// Sends the request, reads its answer, classifies the end. Keeps nothing of the request afterwards.
  Task<Ending> perform(const CompletionRequest& request);
  /// Ends whatever is going on with Outcome::kCancelled. A later request ends at once.
  void cancel();

 private:
  friend class bench::TokenPath;  // plays reads to a stream without a connection

  void turn_to(const Route& route);
  Task<Outcome> open(const Route& route);
  void write_request(const CompletionRequest& request, UsageOption usage);
  Task<std::optional<Ending>> exchange(const CompletionRequest& request, UsageOption usage);
  Task<std::optional<Ending>> attempt(const CompletionRequest& request);
  std::optional<Outcome> take_read(const CompletionRequest& request, std::string_view input, ReadResult read);
  std::optional<Outcome> consume(const CompletionRequest& request, std::string_view input,
                                 const ReadResult& read);
  std::optional<Outcome> take_body(const CompletionRequest& request, std::string_view body, MonoTime at);
  /// Notes that this stream keeps so many bytes. @return false when the thread's streams keep too many.
  bool hold(std::size_t bytes);
  void look_at(const CompletionRequest& request, std::string_view body);
  std::optional<Outcome> take_server_sent(const CompletionRequest& request, MonoTime at);
  std::optional<Outcome> take_named(const CompletionRequest& request, MonoTime at);
  std::optional<Outcome> take_event(const CompletionRequest& request, std::string_view data, MonoTime at);
  std::optional<Outcome> connection_ended(const CompletionRequest& request, bool cleanly);
  Outcome conclude(const CompletionRequest& request, MonoTime at);
  Outcome conclude_stream(const CompletionRequest& request, MonoTime at);
  Outcome conclude_document(const CompletionRequest& request, MonoTime at);
  Outcome judge(const CompletionRequest& request) const;
  /// An event that ends the request as `outcome`: what it says is kept.
  Outcome failed_by(std::string_view event, Outcome outcome);
  FailureDetail failure_detail(const CompletionRequest& request) const;
  void tell_replica(MonoTime at);
  void forget_response();
  void expect_by(MonoTime limit);
  void check_deadline();

  ThreadContext context_;
  std::unique_ptr<Connection> connection_;  // never null
  const Route* leads_to_ = nullptr;         // of connection_, once it has been open
  Sleeper sleeper_;
  HttpResponse http_;
  SseParser sse_;
  LineParser lines_;
  StreamMemory memory_;
  RequestRecord record_;
  Timer deadline_;
  Nanos idle_timeout_{0};
  MonoTime request_deadline_{};
  MonoTime last_read_{};
  std::size_t held_ = 0;   // of ThreadBuffers::held, this stream's
  std::string kept_body_;  // of an answer that is not a stream; of one, the event that ended it
  Outcome by_status_ = Outcome::kSuccess;  // what the response's status says, once its headers have come
  std::uint32_t content_events_ = 0;       // of the present read
  std::uint32_t last_replica_ = 0;         // that the connection's last response named; 0 for none
  bool finished_ = false;                  // a finish reason or the end marker was seen
  bool done_ = false;                      // the end marker was seen
  bool aborted_ = false;                   // the finish reason says that the answer was broken off
  bool heard_ = false;                     // an event was read
  bool looked_at_ = false;                 // a body that should be a stream has begun
  bool document_ = false;                  // it is none: a document stands in its place
  bool reused_ = false;                    // the connection has carried a response
  bool usage_refused_ = false;             // the answer complains about the usage that was asked for
  bool cancelled_ = false;
};

}  // namespace kneepoint::agent
