#include "agent/stream/completion_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/fetch_ahead.h"

namespace kneepoint::agent {
namespace {

/// Bodies of failed requests are read to keep the connection; longer ones cost it.
constexpr std::size_t kErrorBodyLimit = 64 * 1024;
/// More than is ever quoted of what a host said.
constexpr std::size_t kQuotable = 4 * 1024;
constexpr std::size_t kAnswerLimit = 64 * 1024 * 1024;
/// All that the streams of a thread keep at once: no number of slots multiplies the limits above.
constexpr std::size_t kHeldLimit = 256 * 1024 * 1024;
/// From the end marker of a stream to the end of its body: a moment on any network.
constexpr Nanos kEndPatience = std::chrono::milliseconds(250);

Outcome outcome_of_status(int status) {
  if (status >= 200 && status < 300) return Outcome::kSuccess;
  if (status == 429 || status == 503) return Outcome::kRejected;
  // A redirect is a wrong URL in the plan.
  return status >= 500 ? Outcome::kHttp5xx : Outcome::kHttp4xx;
}

/// The key itself, of the header's line that carries it: "NAME: SCHEME KEY".
std::string_view secret_of(std::string_view line) {
  if (line.ends_with("\r\n")) line.remove_suffix(2);
  return line.substr(line.rfind(' ') + 1);
}

}  // namespace

CompletionStream::CompletionStream(const ThreadContext& context)
    : context_(context),
      connection_(context.pool.make()),
      sleeper_(context.poller.timers()),
      deadline_(
          context.poller.timers(), [](void* self) { static_cast<CompletionStream*>(self)->check_deadline(); },
          this) {}

void CompletionStream::cancel() {
  cancelled_ = true;
  sleeper_.interrupt(Wake::kCancelled);
  connection_->interrupt(Wake::kCancelled);
}

Task<Outcome> CompletionStream::open(const Route& route) {
  if (cancelled_) co_return Outcome::kCancelled;
  reused_ = false;
  leads_to_ = &route;
  last_replica_ = 0;
  Outcome outcome = co_await connection_->open(route.peer, sleeper_);
  if (cancelled_) outcome = Outcome::kCancelled;
  if (outcome == Outcome::kSuccess) context_.recorder.connected(connection_->connect_time());
  co_return outcome;
}

Task<void> CompletionStream::connect_ahead(const Route& route) {
  turn_to(route);
  if (!connection_->is_open()) co_await open(route);
}

void CompletionStream::disconnect() {
  connection_->close();
  reused_ = false;
}

void CompletionStream::give_back() {
  if (leads_to_ == nullptr || !connection_->is_open()) return;
  context_.pool.put(*leads_to_, std::move(connection_));
  connection_ = context_.pool.make();
  leads_to_ = nullptr;
  reused_ = false;
}

/// The next request goes to `route`: takes a connection that leads there.
void CompletionStream::turn_to(const Route& route) {
  if (leads_to_ == &route) return;
  if (connection_->is_open()) context_.pool.put(*leads_to_, std::move(connection_));
  connection_ = context_.pool.take(route);
  last_replica_ = 0;
  leads_to_ = &route;
  reused_ = connection_->is_open();
}

Task<Ending> CompletionStream::perform(const CompletionRequest& request) {
  Recorder& recorder = context_.recorder;
  turn_to(*request.route);
  MonoTime intended = request.intended;
  bool reconnect = connection_->is_open() && connection_->gone_while_idle();
  if (reconnect) connection_->close();
  if (!connection_->is_open()) {
    const Outcome opened = co_await open(*request.route);
    const MonoTime now = mono_now();
    if (opened != Outcome::kSuccess) {
      recorder.begin(record_, {.key = request.series,
                               .slot = request.slot,
                               .k = request.k,
                               .scheduled = intended,
                               .at = now,
                               .arrival = request.arrival,
                               .sent = false});
      recorder.end(record_, now, opened);
      co_return Ending{opened, now};
    }
    intended = std::max(intended, now);  // connecting has its own histogram
  }

  UsageOption usage = *request.usage;
  write_request(request, usage);
  const MonoTime start = mono_now();
  if (!context_.may_write(start)) co_return Ending{Outcome::kCancelled, start};
  // A later turn carries a history, whose length nobody asked for.
  const std::uint32_t asked_prompt = request.pick.turn == 0 ? request.pick.input_tokens : 0;
  recorder.begin(record_, {.key = request.series,
                           .slot = request.slot,
                           .k = request.k,
                           .scheduled = intended,
                           .at = start,
                           .arrival = request.arrival,
                           .asked_output_tokens = request.pick.output_tokens.value_or(0),
                           .asked_prompt_tokens = asked_prompt});
  if (reconnect) recorder.reconnected(record_, start);
  std::optional<Ending> ending = co_await exchange(request, usage);
  while (usage_refused_ && usage != UsageOption::kNone) {
    // A question of ours that the host does not know: the same request without it, as if it were the first.
    usage = less(usage);
    forget_response();
    reused_ = connection_->is_open();
    if (!reused_) {
      const Outcome opened = co_await open(*request.route);
      if (opened != Outcome::kSuccess) {
        ending = Ending{opened, mono_now()};
        break;
      }
    }
    write_request(request, usage);
    const MonoTime again = mono_now();
    if (!context_.may_write(again)) {
      ending = Ending{Outcome::kCancelled, again};
      break;
    }
    recorder.resend(record_, again);
    ending = co_await exchange(request, usage);
  }
  if (!ending) ending = Ending{Outcome::kStream, mono_now()};
  // Others may have found out meanwhile.
  if (ending->outcome == Outcome::kSuccess) *request.usage = std::max(*request.usage, usage);
  deadline_.disarm();
  recorder.carried(record_, ending->at, connection_->take_segments());
  if (!request.route->keeps_connection) connection_->close();
  reused_ = connection_->is_open();
  recorder.end(record_, ending->at, ending->outcome, failure_detail(request));
  forget_response();
  co_return *ending;
}

void CompletionStream::write_request(const CompletionRequest& request, UsageOption usage) {
  ThreadBuffers& buffers = context_.buffers;
  buffers.body.clear();
  const Prompt prompt = request.source->render(request.pick, *request.conversation, buffers.prompt);
  request.dialect->write_body(prompt, usage, buffers.body);
  memory_ = request.dialect->begin_stream(prompt);
  const Route& route = *request.route;
  buffers.request.clear();
  fmt::format_to(std::back_inserter(buffers.request), "POST {}{} HTTP/1.1\r\n{}{}{}",
                 route.peer.endpoint.base_path, request.dialect->path(), route.headers, request.headers,
                 request.key);
  if (!route.session_header.empty() && !request.session->empty()) {
    fmt::format_to(std::back_inserter(buffers.request), "{}: {}\r\n", route.session_header, *request.session);
  }
  fmt::format_to(std::back_inserter(buffers.request), "X-Request-Id: {}\r\nContent-Length: {}\r\n\r\n",
                 request.id, buffers.body.size());
  buffers.request.append(buffers.body);
}

/// Sends what write_request has put together and reads the answer, on a new connection where the kept-alive
/// one turns out to be closed. @return as attempt.
Task<std::optional<Ending>> CompletionStream::exchange(const CompletionRequest& request, UsageOption usage) {
  const std::optional<Ending> ending = co_await attempt(request);
  if (ending || !reused_) co_return ending;
  // The host had closed the connection as the request was on its way: once more.
  const Outcome opened = co_await open(*request.route);
  if (opened != Outcome::kSuccess) co_return Ending{opened, mono_now()};
  write_request(request, usage);
  const MonoTime again = mono_now();
  if (!context_.may_write(again)) co_return Ending{Outcome::kCancelled, again};
  context_.recorder.restart(record_, again);
  co_return co_await attempt(request);
}

/// Sends what write_request has put together and reads the answer. @return how it ended; nothing when the
/// connection ended before any byte of a response.
Task<std::optional<Ending>> CompletionStream::attempt(const CompletionRequest& request) {
  forget_response();
  http_.watch(HttpResponse::kReplica, request.route->replica_header);
  http_.watch(HttpResponse::kSession, request.route->session_reply);
  idle_timeout_ = request.route->idle_timeout;
  request_deadline_ = record_.start + request.route->request_timeout;
  deadline_.arm(request_deadline_);
  last_read_ = record_.start;

  Wake wake = co_await connection_->send(context_.buffers.request);
  while (wake == Wake::kReady) {
    const std::span<char> buffer = context_.buffers.for_reading();
    // Comes from memory while the kernel reads.
    fetch_ahead(this, sizeof *this);
    memory_.usual.fetch();
    const ReadResult read = connection_->read(buffer);
    if (read.status == ReadResult::Status::kWouldBlock) {
      wake = co_await connection_->until_readable();
      continue;
    }
    if (read.status != ReadResult::Status::kData) {
      auto outcome = connection_ended(request, read.status == ReadResult::Status::kEnd);
      if (!outcome && !reused_ && connection_->tls_failed()) outcome = Outcome::kTls;
      connection_->close();
      if (!outcome) co_return std::nullopt;
      co_return Ending{*outcome, mono_now()};
    }
    const auto outcome = take_read(request, {buffer.data(), read.bytes}, read);
    if (outcome) co_return Ending{*outcome, last_read_};
  }
  connection_->close();
  Outcome outcome = wake == Wake::kTimeout ? Outcome::kTimeout : Outcome::kCancelled;
  if (done_) outcome = judge(request);  // only the end of the HTTP body is missing
  co_return Ending{outcome, mono_now()};
}

/// The token path: one read, from its stamps to the deadline of the next. @return the outcome when the
/// request is over.
std::optional<Outcome> CompletionStream::take_read(const CompletionRequest& request, std::string_view input,
                                                   ReadResult read) {
  read.not_before(last_read_);
  last_read_ = read.received;
  const bool silent_before = record_.chunks == 0;
  content_events_ = 0;
  const auto outcome = consume(request, input, read);
  context_.recorder.read(read.received, read.processed, read.stamped, content_events_);
  if (outcome) return outcome;
  if (done_) {
    request_deadline_ = std::min(request_deadline_, last_read_ + kEndPatience);
    expect_by(request_deadline_);
  } else if (silent_before && record_.chunks > 0) {
    expect_by(last_read_ + idle_timeout_);  // silence counts from here
  }
  return std::nullopt;
}

/// One read, decoded layer by layer. @return the outcome when the request is over.
std::optional<Outcome> CompletionStream::consume(const CompletionRequest& request, std::string_view input,
                                                 const ReadResult& read) {
  const std::string_view whole = input;
  while (true) {
    switch (http_.next(input)) {
      case HttpResponse::Event::kNeedMore:
        return std::nullopt;
      case HttpResponse::Event::kHeaders:
        by_status_ = outcome_of_status(http_.status());
        if (!http_.watched(HttpResponse::kReplica).empty()) tell_replica(read.received);
        if (const auto& session = http_.watched(HttpResponse::kSession); !session.empty())
          *request.session = session;
        break;
      case HttpResponse::Event::kBody:
        if (const auto outcome = take_body(request, http_.body(), read.received)) {
          connection_->close();
          return outcome;
        }
        break;
      case HttpResponse::Event::kEnd: {
        if (!http_.keep_alive() || !input.empty()) connection_->close();
        return conclude(request, read.received);
      }
      case HttpResponse::Event::kError:
        connection_->close();
        if (kept_body_.empty()) kept_body_ = whole.substr(0, kQuotable);
        if (by_status_ != Outcome::kSuccess) return conclude(request, read.received);
        return done_ ? judge(request) : Outcome::kParse;
    }
  }
}

/// The response says which replica answers.
void CompletionStream::tell_replica(MonoTime at) {
  const auto replica = context_.recorder.named(http_.watched(HttpResponse::kReplica));
  if (!replica) return;
  context_.recorder.answered_by(record_, at, *replica, last_replica_ != 0 && last_replica_ != *replica);
  last_replica_ = *replica;
}

std::optional<Outcome> CompletionStream::take_body(const CompletionRequest& request, std::string_view body,
                                                   MonoTime at) {
  if (!looked_at_) look_at(request, body);
  if (by_status_ != Outcome::kSuccess || !request.stream || document_) {
    const std::size_t limit = by_status_ == Outcome::kSuccess ? kAnswerLimit : kErrorBodyLimit;
    if (kept_body_.size() + body.size() > limit || !hold(kept_body_.size() + body.size())) {
      if (kept_body_.empty()) kept_body_ = body.substr(0, kQuotable);
      return by_status_ == Outcome::kSuccess ? Outcome::kParse : by_status_;
    }
    kept_body_.append(body);
    return std::nullopt;
  }
  EventStatus status;
  if (request.dialect->framing() == Framing::kServerSentEvents) {
    while ((status = sse_.next(body)) == EventStatus::kEvent) {
      if (const auto outcome = take_server_sent(request, at)) return outcome;
    }
  } else {
    while ((status = lines_.next(body)) == EventStatus::kEvent) {
      if (const auto outcome = take_event(request, lines_.data(), at)) return outcome;
    }
  }
  if (status == EventStatus::kTooLong || !hold(sse_.held() + lines_.held())) return Outcome::kParse;
  return std::nullopt;
}

/// Whether a body that should be an event stream is none shows at its first byte: what fails before the
/// stream begins is often told as a JSON document, or as a page, at status 200.
void CompletionStream::look_at(const CompletionRequest& request, std::string_view body) {
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  if (first == body.npos) return;
  looked_at_ = true;
  document_ = request.dialect->framing() == Framing::kServerSentEvents &&
              (body[first] == '{' || body[first] == '[' || body[first] == '<');
}

inline std::optional<Outcome> CompletionStream::take_server_sent(const CompletionRequest& request,
                                                                 MonoTime at) {
  if (!sse_.type().empty() || sse_.stray()) return take_named(request, at);
  return take_event(request, sse_.data(), at);
}

std::optional<Outcome> CompletionStream::take_event(const CompletionRequest& request, std::string_view data,
                                                    MonoTime at) {
  Chunk chunk;
  if (!request.dialect->read_event(data, memory_, chunk)) {
    if (is_heartbeat(data)) return std::nullopt;
    return failed_by(data, Outcome::kParse);
  }
  if (chunk.error) return failed_by(data, Outcome::kErrorAt200);
  heard_ = true;
  // Clients stop reading at the end marker: usage may come behind it, and nothing else.
  if (done_) chunk.withdraw_content();
  if (chunk.content()) ++content_events_;
  if (chunk.finished || chunk.done) {
    finished_ = true;
    done_ = done_ || chunk.done;
    aborted_ = aborted_ || chunk.aborted;
    if (chunk.aborted) failed_by(data, Outcome::kAborted);
  }
  if (request.keep_answer) request.conversation->add_answer(chunk.text);
  context_.recorder.chunk(record_, at, chunk);
  return std::nullopt;
}

Outcome CompletionStream::failed_by(std::string_view event, Outcome outcome) {
  kept_body_ = event.substr(0, kQuotable);
  return outcome;
}

FailureDetail CompletionStream::failure_detail(const CompletionRequest& request) const {
  const std::string_view theirs = http_.request_id();
  return {.status = http_.status(),
          .said = kept_body_,
          .request_id = theirs.empty() ? std::string_view(request.id) : theirs,
          .secret = secret_of(request.key)};
}

bool CompletionStream::hold(std::size_t bytes) {
  std::size_t& all = context_.buffers.held;
  all += bytes - held_;
  held_ = bytes;
  return all <= kHeldLimit;
}

void CompletionStream::forget_response() {
  hold(0);
  http_.reset();
  sse_.reset();
  lines_.reset();
  kept_body_ = std::string();
  by_status_ = Outcome::kSuccess;
  finished_ = done_ = aborted_ = heard_ = looked_at_ = document_ = usage_refused_ = false;
}

/// Looks at the deadlines by `limit` at the latest.
void CompletionStream::expect_by(MonoTime limit) {
  if (limit < deadline_.at()) deadline_.arm(limit);
}

void CompletionStream::check_deadline() {
  MonoTime limit = request_deadline_;
  if (record_.chunks > 0) limit = std::min(limit, last_read_ + idle_timeout_);
  if (limit > mono_now()) {
    deadline_.arm(limit);
  } else {
    connection_->interrupt(Wake::kTimeout);
  }
}

}  // namespace kneepoint::agent
