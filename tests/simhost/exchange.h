#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/simhost/api_request.h"
#include "tests/simhost/counters.h"
#include "tests/simhost/event_renderer.h"
#include "tests/simhost/fault.h"
#include "tests/simhost/misbehave.h"
#include "tests/simhost/pipeline.h"
#include "tests/simhost/send_log.h"

namespace kneepoint::simhost {

class Connection;

/// The life of one completion request on a connection, from admission to its last byte: turns the engine's
/// emissions into events, strikes with its fault, and keeps the replica's counters true. Reused from request
/// to request, so its buffers are allocated once. Belongs to its replica's thread.
class Exchange {
 public:
  struct Plan {
    CompletionRequest request;
    std::string id;
    std::string_view finish_reason = "length";  ///< A literal.
    int output_tokens = 1;
    int reasoning_tokens = 0;
    int tokens_per_chunk = 1;
    std::optional<UsageHabit> usage_habit;
    bool usage_details = false;
    bool hide_reasoning = false;
    bool buffer = false;  ///< Nothing leaves before the answer is whole.
    Nanos flush{};        ///< What has gathered leaves at this period; 0: at once.
    bool early_role = false;
    std::uint64_t text_seed = 0;
    std::int64_t created = 0;  ///< Unix seconds.
    std::optional<Fault> fault;
    int fault_after = 0;  ///< Output tokens before a mid-stream fault strikes.
    Nanos stall_time{};
    std::optional<Misbehaviour> misbehaviour;
  };

  enum class Ending { kNone, kCompleted, kFailed };

  /// Admits a request: sends the head of a stream. `log` may be null.
  void begin(Plan plan, Connection& connection, Counters& counters, SendLog* log, int replica);
  /// Delivers what an iteration gave. Anything but kNone ends the exchange; on kFailed the caller must abort
  /// the engine's sequence unless the emission said that it has finished.
  Ending deliver(Connection& connection, const Emission& emission);
  /// The last byte has been handed to the kernel.
  void delivered() { state_ = State::kIdle; }
  /// Tokens that were counted as sent have not been.
  void lost(int tokens);
  /// The connection has gone; counts a request that had not ended as cancelled.
  void disconnected();

  /// The request in the pipeline while it lives there.
  std::optional<Pipeline::Handle> handle;

  bool active() const { return state_ != State::kIdle; }
  const Plan& plan() const { return plan_; }
  Nanos received() const { return received_; }
  /// For the host's histograms.
  Nanos submitted{};  ///< To the pipeline.
  Nanos first_token_at{};
  Nanos queued{};

 private:
  enum class State {
    kIdle,
    kRunning,
    kDraining,  // complete and counted so, but bytes are still queued
    kFailed,    // broken off and counted so; whatever is still queued no longer matters
  };

  Ending deliver_whole(Connection& connection);
  Ending break_off(Connection& connection, Fault fault);
  void send_head(Connection& connection);
  Ending answer_otherwise(Connection& connection, std::string_view body);
  void send_tokens(Connection& connection, int count, bool reasoning, std::string_view text = {});
  void send_held(Connection& connection);
  bool strikes_now() const { return armed_ && sent_ + held_ > plan_.fault_after; }
  Ending complete();
  bool usage_wanted() const;
  Counters::PerFault* fault_counters();

  State state_ = State::kIdle;
  Plan plan_;
  Counters* counters_ = nullptr;
  SendLog* log_ = nullptr;
  std::uint32_t log_request_ = 0;
  EventRenderer renderer_;
  Nanos received_{};
  bool armed_ = false;  // the fault has yet to strike
  int sent_ = 0;        // tokens given to the connection
  int held_ = 0;        // tokens waiting for their chunk to fill
  int chunks_ = 0;
  int counted_ = 0;  // tokens counted as sent
};

}  // namespace kneepoint::simhost
