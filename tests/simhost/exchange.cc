#include "tests/simhost/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/simhost/connection.h"

namespace kneepoint::simhost {

namespace {

constexpr std::size_t kGiantLine = 1 << 20;
constexpr std::string_view kInjected = "injected by the simulated host";

std::string_view content_type(Dialect dialect) {
  return dialect == Dialect::kGenerate ? "text/plain; charset=utf-8" : "text/event-stream; charset=utf-8";
}

bool breaks_off(Fault fault) {
  return fault == Fault::kReset || fault == Fault::kTruncate || fault == Fault::kErrorInStream;
}

bool strikes_mid_stream(Fault fault) {
  return breaks_off(fault) || fault == Fault::kStall || fault == Fault::kGiantLine ||
         fault == Fault::kBadJson;
}

}  // namespace

void Exchange::begin(Plan plan, Connection& connection, Counters& counters, SendLog* log, int replica) {
  plan_ = std::move(plan);
  counters_ = &counters;
  log_ = log;
  state_ = State::kRunning;
  received_ = connection.received();
  handle.reset();
  first_token_at = Nanos(0);
  sent_ = held_ = chunks_ = counted_ = 0;
  armed_ = plan_.fault && strikes_mid_stream(*plan_.fault);
  if (log_ != nullptr) log_request_ = log_->add_request(plan_.id, replica, received_);
  counters_->prompt_tokens.add(plan_.request.prompt_tokens);
  if (Counters::PerFault* fault = fault_counters()) fault->requests.add();
  connection.set_byte_by_byte(plan_.fault == Fault::kByteByByte);

  const CompletionRequest& request = plan_.request;
  EventRenderer::Response response;
  response.dialect = request.dialect;
  response.id = plan_.id;
  response.model = request.model;
  response.escaped_prompt = request.escaped_prompt;
  response.created = plan_.created;
  response.text_seed = plan_.text_seed;
  response.prompt_tokens = request.prompt_tokens;
  response.continuous_usage = request.continuous_usage && plan_.fault != Fault::kNoUsage;
  response.misbehaviour = plan_.misbehaviour;
  response.usage_habit = plan_.usage_habit;
  response.reasoning_tokens = plan_.reasoning_tokens;
  response.usage_details = plan_.usage_details;
  renderer_.begin(response);
  if (plan_.buffer || plan_.flush > Nanos(0)) connection.keep_back(plan_.flush);
  connection.write(before_head(plan_.misbehaviour));
  if (!request.stream || (plan_.misbehaviour && answer_instead(*plan_.misbehaviour, true))) return;
  send_head(connection);
  if (plan_.early_role && request.dialect == Dialect::kChat) connection.write(renderer_.role());
}

void Exchange::send_head(Connection& connection) {
  connection.write(fmt::format(
      "HTTP/1.1 200 OK\r\nserver: kneepoint-simhost\r\n{}content-type: {}\r\n{}{}\r\n",
      connection.name_header(), content_type(plan_.request.dialect), framing_headers(plan_.misbehaviour),
      connection.keep_alive() ? "" : "connection: close\r\n"));
}

/// What was to be the answer never comes: `body` does, and the host thinks nothing of it.
Exchange::Ending Exchange::answer_otherwise(Connection& connection, std::string_view body) {
  state_ = State::kFailed;
  counters_->failed.add();
  if (plan_.request.stream && streams_instead(*plan_.misbehaviour)) {
    send_head(connection);
    connection.write(fmt::format("{:x}\r\n{}\r\n0\r\n\r\n", body.size(), body));
    connection.end_response();
  } else {
    connection.respond(200, "application/json", body);
  }
  return Ending::kFailed;
}

Exchange::Ending Exchange::deliver(Connection& connection, const Emission& emission) {
  if (plan_.misbehaviour) {
    if (const auto body = answer_instead(*plan_.misbehaviour, plan_.request.stream))
      return answer_otherwise(connection, *body);
  }
  held_ += emission.tokens;
  if (emission.first) renderer_.found_in_cache(emission.cached);
  const bool stream = plan_.request.stream;
  if (stream && emission.first && !plan_.early_role && plan_.request.dialect == Dialect::kChat) {
    connection.write(renderer_.role());
  }
  if (!stream && !emission.finished) return Ending::kNone;
  if (strikes_now()) {
    armed_ = false;
    const Fault fault = *plan_.fault;
    if (breaks_off(fault)) return break_off(connection, fault);
    if (fault == Fault::kStall) connection.hold(plan_.stall_time);
    if (fault == Fault::kBadJson && stream) connection.write(renderer_.broken_event());
    if (fault == Fault::kGiantLine && stream) {
      const std::string text(kGiantLine, 'x');
      send_tokens(connection, std::exchange(held_, 0), false, text);
    }
  }
  if (!stream) return deliver_whole(connection);
  if (held_ > 0 && (emission.first || emission.finished || held_ >= plan_.tokens_per_chunk))
    send_held(connection);
  if (!emission.finished || plan_.fault == Fault::kNeverEnd) return Ending::kNone;
  const Ending ending = complete();
  const bool aborts = plan_.misbehaviour == Misbehaviour::kAbort;
  if (plan_.misbehaviour == Misbehaviour::kLateEnd) connection.hold(plan_.stall_time);
  connection.write(renderer_.tail(aborts ? "abort" : plan_.finish_reason, sent_, usage_wanted(),
                                  plan_.fault != Fault::kNoDone));
  connection.end_response();
  return ending;
}

void Exchange::send_held(Connection& connection) {
  const int reasoning = std::clamp(plan_.reasoning_tokens - sent_, 0, held_);
  if (reasoning > 0 && plan_.hide_reasoning) {
    sent_ += reasoning;
    counted_ += reasoning;
    counters_->output_tokens.add(reasoning);
    held_ -= reasoning;
    if (held_ > 0) send_tokens(connection, held_, false);
    held_ = 0;
    return;
  }
  if (reasoning > 0) send_tokens(connection, reasoning, true);
  if (held_ > reasoning) send_tokens(connection, held_ - reasoning, false);
  held_ = 0;
}

void Exchange::send_tokens(Connection& connection, int count, bool reasoning, std::string_view text) {
  const std::string_view event = renderer_.content(sent_, count, reasoning, text);
  sent_ += count;
  counted_ += count;
  counters_->output_tokens.add(count);
  counters_->content_chunks.add();
  if (Counters::PerFault* fault = fault_counters()) fault->output_tokens.add(count);
  if (log_ == nullptr) {
    connection.write(event, count);
  } else {
    const Nanos at = std::chrono::steady_clock::now().time_since_epoch();
    const bool taken = connection.write(event, count);
    log_->sent(log_request_, chunks_, at, count, !taken);
  }
  ++chunks_;
}

Exchange::Ending Exchange::deliver_whole(Connection& connection) {
  if (plan_.fault == Fault::kNeverEnd) return Ending::kNone;
  const bool aborts = plan_.misbehaviour == Misbehaviour::kAbort;
  std::string body(renderer_.whole(aborts ? "abort" : plan_.finish_reason, held_,
                                   std::min(plan_.reasoning_tokens, held_), plan_.fault != Fault::kNoUsage));
  if (plan_.fault == Fault::kBadJson) body.resize(body.size() / 2);
  sent_ = counted_ = std::exchange(held_, 0);
  counters_->output_tokens.add(sent_);
  if (Counters::PerFault* fault = fault_counters()) fault->output_tokens.add(sent_);
  const Ending ending = complete();
  connection.respond(200, "application/json", body);
  return ending;
}

Exchange::Ending Exchange::break_off(Connection& connection, Fault fault) {
  state_ = State::kFailed;
  counters_->failed.add();
  if (fault == Fault::kReset) {
    connection.reset();
  } else if (fault == Fault::kTruncate) {
    connection.close();
  } else if (!plan_.request.stream) {
    connection.respond(
        500, "application/json",
        fmt::format(R"({{"error":{{"message":"{}","type":"InternalServerError","param":null,"code":500}}}})",
                    kInjected));
  } else {
    connection.write(renderer_.error_tail(kInjected));
    connection.end_response();
  }
  return Ending::kFailed;
}

Exchange::Ending Exchange::complete() {
  state_ = State::kDraining;
  counters_->completed.add();
  counters_->output_tokens_completed.add(sent_);
  counters_->prompt_tokens_completed.add(plan_.request.prompt_tokens);
  return Ending::kCompleted;
}

void Exchange::lost(int tokens) {
  if (tokens == 0 || counters_ == nullptr) return;
  counted_ -= tokens;
  counters_->output_tokens.add(-tokens);
  counters_->content_chunks.add(-1);
  if (Counters::PerFault* fault = fault_counters()) fault->output_tokens.add(-tokens);
}

void Exchange::disconnected() {
  if (state_ == State::kRunning || state_ == State::kDraining) counters_->cancelled.add();
  if (state_ == State::kDraining) {
    counters_->completed.add(-1);
    counters_->output_tokens_completed.add(-sent_);
    counters_->prompt_tokens_completed.add(-plan_.request.prompt_tokens);
    if (!plan_.request.stream) counters_->output_tokens.add(-sent_);  // one body: it has not arrived
  }
  state_ = State::kIdle;
}

bool Exchange::usage_wanted() const {
  return plan_.request.include_usage && plan_.fault != Fault::kNoUsage;
}

Counters::PerFault* Exchange::fault_counters() {
  return plan_.fault ? &counters_->faults[static_cast<std::size_t>(*plan_.fault)] : nullptr;
}

}  // namespace kneepoint::simhost
