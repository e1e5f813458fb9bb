#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "agent/load/load_engine.h"
#include "agent/prompts/dataset_fetch.h"
#include "agent/session/batch_outbox.h"
#include "agent/session/coordinator_link.h"
#include "agent/session/permissions.h"
#include "common/clock.h"
#include "common/endpoint.h"
#include "common/event_queue.h"
#include "common/fleet_tls.h"
#include "common/version.h"

namespace kneepoint::agent {

/// How a session ended, as the process's exit code (README, "Exit codes").
enum class ExitCode : int { kDone = 0, kInternal = 1, kUsage = 2, kFleet = 5, kInterrupted = 130 };
struct SessionEnd {
  ExitCode code = ExitCode::kDone;
  std::string
      reason;  ///< One line for the user; empty when there is nothing that the coordinator does not tell.
};

/// One agent's part in one run: joins the coordinator, carries out its levels, and hands over what was
/// measured until it is acknowledged. Load runs only while the coordinator is heard: a broken stream or
/// `silence_limit` without a message stops it at once, and the session then tries for `join_timeout` to hand
/// over the rest. All decisions, and all calls into the engine, happen on the thread that calls run().
class AgentSession {
 public:
  struct Options {
    kneepoint::Endpoint coordinator;
    std::shared_ptr<const FleetCredentials> credentials;  ///< Null: plain TCP.
    std::string build{version()};                         ///< Told to the coordinator, which wants its own.
    std::string name;                                     ///< Unique in the fleet.
    unsigned threads = 1;                                 ///< Told to the coordinator.
    Permissions permissions;
    Nanos join_timeout = std::chrono::seconds(60);
    /// Kept below the 10 s within which an agent that lost its coordinator must have stopped.
    Nanos silence_limit = std::chrono::seconds(8);
    /// Batches are collected at zero + k · period + delay: just after a second has ended.
    Nanos collect_period = std::chrono::seconds(1);
    Nanos collect_delay = std::chrono::milliseconds(100);
    /// How long running requests may go on after a first request_stop().
    Nanos stop_limit = std::chrono::seconds(5);
    BatchOutbox::Limits outbox = {};
  };

  AgentSession(Options options, EngineFactory make_engine);
  ~AgentSession();

  /// Blocks until the run is over. Call once.
  SessionEnd run();

  /// Any thread (not a signal handler). First: drain, hand over, end. Second: end now.
  void request_stop(std::string reason);

 private:
  struct StopRequest {
    std::string reason;
  };
  using Event = std::variant<LinkEvent, LevelDone, StopRequest>;
  /// Where the run stands on this agent; the link's state is apart from it.
  enum class Phase {
    kJoining,   ///< No assignment yet.
    kReady,     ///< Seconds are collected; no level has come yet.
    kLoading,   ///< Levels are carried out.
    kDraining,  ///< No new requests; some still run, or their seconds are not yet collected.
    kDrained,   ///< Every second that had a request is in a batch.
  };

  void dial();
  void on_link(const LinkEvent& event);
  void on_message(const v1::CoordinatorMessage& message, MonoTime at);
  void on_closed(const std::string& reason);
  void on_stop(const std::string& reason);
  void accept(const v1::CoordinatorMessage& message);
  /// Asks for what the assignment still lacks; with everything there, makes the engine.
  void fetch_or_start();
  void refuse(const std::string& reason);
  void collect();
  void stop_load(Nanos limit);
  /// Sends what may be on its way, and tells of the end behind the last of it.
  void send_batches();
  void end_after_flush(SessionEnd end);
  /// What is due by now: dialling, collecting, giving up.
  void on_time(MonoTime now);
  bool awaits_signs() const;
  MonoTime next_deadline() const;
  MonoTime next_collection(MonoTime now) const;

  const Options options_;
  const EngineFactory make_engine_;
  const std::string boot_id_;
  EventQueue<Event> inbox_;

  std::unique_ptr<CoordinatorLink> link_;
  std::uint64_t link_id_ = 0;
  bool welcomed_ = false;  ///< On the present link.
  MonoTime heard_at_{};
  MonoTime dial_at_{};     ///< While there is no link.
  MonoTime give_up_at_{};  ///< While not welcomed.
  Nanos back_off_{0};
  std::string last_problem_;

  Phase phase_ = Phase::kJoining;
  /// An assignment whose datasets are on their way.
  struct Incoming {
    Assignment assignment;
    std::vector<std::string> secrets;
    DatasetFetch fetch;
  };
  std::optional<Incoming> incoming_;
  std::unique_ptr<LoadEngine> engine_;
  std::size_t cells_ = 0;
  MonoTime zero_{};
  MonoTime collect_at_{};
  std::optional<MonoTime> idle_at_;  ///< While draining: when the engine was first seen idle.
  std::uint64_t sequence_ = 0;
  BatchOutbox outbox_;
  bool records_shed_ = false;
  std::uint64_t drained_through_ = 0;  ///< Once drained: the last batch that had a request.
  bool drained_told_ = false;          ///< On the present link.

  std::optional<std::string> stopping_;  ///< Why, after request_stop().
  std::optional<SessionEnd> end_;
  MonoTime flush_until_{};  ///< With end_: no later than this.
};

}  // namespace kneepoint::agent
