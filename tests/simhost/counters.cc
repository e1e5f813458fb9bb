#include "tests/simhost/counters.h"

#include <fmt/format.h>

#include <iterator>

namespace kneepoint::simhost {

namespace {

void append_members(std::string& out, const HostStats& s) {
  fmt::format_to(
      std::back_inserter(out),
      R"("requests":{{"received":{},"completed":{},"failed":{},"rejected":{},"invalid":{},"cancelled":{},)"
      R"("in_flight":{}}},"tokens":{{"prompt":{},"prompt_completed":{},"output_sent":{},)"
      R"("output_completed":{},"output_incomplete":{}}},"content_chunks":{},"connections":{},)"
      R"("iterations_late":{},"faults":{{)",
      s.received, s.completed, s.failed, s.rejected, s.invalid, s.cancelled, s.in_flight, s.prompt_tokens,
      s.prompt_tokens_completed, s.output_tokens, s.output_tokens_completed, s.output_tokens_incomplete(),
      s.content_chunks, s.connections, s.iterations_late);
  bool first = true;
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    if (s.faults[i].requests == 0) continue;
    fmt::format_to(std::back_inserter(out), R"({}"{}":{{"requests":{},"output_tokens":{}}})",
                   first ? "" : ",", to_string(static_cast<Fault>(i)), s.faults[i].requests,
                   s.faults[i].output_tokens);
    first = false;
  }
  out += '}';
}

}  // namespace

HostStats& HostStats::operator+=(const HostStats& other) {
  connections += other.connections;
  received += other.received;
  completed += other.completed;
  failed += other.failed;
  rejected += other.rejected;
  invalid += other.invalid;
  cancelled += other.cancelled;
  in_flight += other.in_flight;
  prompt_tokens += other.prompt_tokens;
  prompt_tokens_completed += other.prompt_tokens_completed;
  output_tokens += other.output_tokens;
  output_tokens_completed += other.output_tokens_completed;
  content_chunks += other.content_chunks;
  iterations_late += other.iterations_late;
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    faults[i].requests += other.faults[i].requests;
    faults[i].output_tokens += other.faults[i].output_tokens;
  }
  return *this;
}

HostStats snapshot(const Counters& c) {
  HostStats s;
  s.connections = c.connections.value();
  s.received = c.received.value();
  s.completed = c.completed.value();
  s.failed = c.failed.value();
  s.rejected = c.rejected.value();
  s.invalid = c.invalid.value();
  s.cancelled = c.cancelled.value();
  s.in_flight = s.received - s.completed - s.failed - s.rejected - s.invalid - s.cancelled;
  s.prompt_tokens = c.prompt_tokens.value();
  s.prompt_tokens_completed = c.prompt_tokens_completed.value();
  s.output_tokens = c.output_tokens.value();
  s.output_tokens_completed = c.output_tokens_completed.value();
  s.content_chunks = c.content_chunks.value();
  s.iterations_late = c.iterations_late.value();
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    s.faults[i] = {c.faults[i].requests.value(), c.faults[i].output_tokens.value()};
  }
  return s;
}

std::string stats_json(const std::vector<HostStats>& replicas) {
  HostStats total;
  for (const HostStats& replica : replicas) total += replica;
  std::string out = "{";
  append_members(out, total);
  out += R"(,"replicas":[)";
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    out += i == 0 ? "{" : ",{";
    append_members(out, replicas[i]);
    out += '}';
  }
  out += "]}\n";
  return out;
}

}  // namespace kneepoint::simhost
