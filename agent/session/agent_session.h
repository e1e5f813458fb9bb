#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <variant>

#include "agent/load/load_engine.h"
#include "agent/load/run_clock.h"
#include "agent/prompts/dataset_fetch.h"
#include "agent/session/batch_outbox.h"
#include "agent/session/coordinator_link.h"
#include "agent/session/permissions.h"
#include "agent/stream/lease.h"
#include "common/clock.h"
#include "common/endpoint.h"
#include "common/event_queue.h"
#include "common/fleet_tls.h"
#include "common/version.h"
#include "common/waitable_clock.h"

namespace kneepoint::v1 {
class ClockReply;
class Heartbeat;
class LoadLevel;
class Welcome;
}  // namespace kneepoint::v1

namespace kneepoint::agent {

class AgentMetrics;

/// How a session ended, as the process's exit code (docs/fleet.md, "How an agent ends"). Never renumbered,
/// and none has another meaning for the coordinator.
enum class ExitCode : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,
  kOver = 3,           ///< The run is over for good, and was not completed.
  kFleet = 5,          ///< Turned away; the coordinator was lost, or broke the run off.
  kNoCoordinator = 7,  ///< None was ever found.
  kInterrupted = 130,
};
struct SessionEnd {
  ExitCode code = ExitCode::kDone;
  std::string
      reason;  ///< One line for the user; empty when there is nothing that the coordinator does not tell.
};

/// One agent's part in one run: joins the coordinator, carries out its levels, and hands over what was
/// measured until it is acknowledged. Load runs only while the coordinator is heard: it ends with the lease,
/// which only heartbeats extend, and where a broken stream is not made good within `redial_limit`; the
/// session then tries for `join_timeout` to hand over the rest. A coordinator that answers and knows nothing
/// of the run makes the session forget it: the agent is free for the next one. All decisions, and all calls
/// into the engine, happen on the thread that calls run(); what it has to say goes out after what it has to
/// do.
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
    /// The engine's, too. Null: one of its own.
    std::shared_ptr<Lease> lease;
    /// How long the load goes on without a stream.
    Nanos redial_limit = lease::kRedial;
    /// Batches are collected at zero + k · period + delay: just after a second has ended.
    Nanos collect_period = std::chrono::seconds(1);
    Nanos collect_delay = std::chrono::milliseconds(100);
    BatchOutbox::Limits outbox = {};
    /// Where it shows what it does; null: nowhere. Must outlive the session.
    AgentMetrics* metrics = nullptr;

    // A simulated world has its own of these; time must outlive the session.
    WaitableClock* clock = &system_clock();
    /// Dials; null: over gRPC.
    std::function<std::unique_ptr<CoordinatorLink>(std::uint64_t id, CoordinatorLink::Sink)> dial;
    /// Of what is drawn by chance: who this process is, and when it dials again.
    std::uint64_t seed = random_seed();
  };
  static std::uint64_t random_seed();

  AgentSession(Options options, EngineFactory make_engine);
  ~AgentSession();

  /// Blocks until the run is over. Call once.
  SessionEnd run();

  // What run() does, for who has a thread for many sessions. First begin(), then turn() until ended().
  void begin();
  /// Takes one event, waiting for it until `deadline` at most, and does what is due. @returns whether one
  /// came.
  bool turn(MonoTime deadline);
  /// When something is due next, whether an event comes or not.
  MonoTime next_deadline() const;
  bool ended() const;

  /// Any thread (not a signal handler). First: drain, hand over, end. Second: end now.
  void request_stop(std::string reason);

 private:
  struct StopRequest {
    std::string reason;
  };
  /// From the engine of the run-th run.
  struct EngineDone {
    std::uint64_t run = 0;
    LevelDone done;
  };
  using Event = std::variant<LinkEvent, EngineDone, StopRequest>;
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
  void on_welcome(const v1::Welcome& welcome);
  void on_heartbeat(const v1::Heartbeat& beat, MonoTime at);
  void note_clock(const v1::Heartbeat& beat);
  /// Rides with a batch: of a thousand agents each message less counts.
  void add_beat_reply(v1::AgentMessage& message);
  void send_beat_reply();
  void on_level(const v1::LoadLevel& message);
  void on_done(const EngineDone& done);
  void on_closed(const std::string& reason);
  void on_stop(const std::string& reason);
  void accept(const v1::CoordinatorMessage& message);
  /// Asks for what the assignment still lacks; with everything there, makes the engine.
  void fetch_or_start();
  void refuse(const std::string& reason);
  /// As before the assignment: the run is not this coordinator's.
  void forget_run();
  v1::AgentMessage of_run() const;
  void send_done();
  void collect();
  void stop_load(Nanos limit);
  /// Sends what may be on its way, and tells of the end behind the last of it.
  void send_batches();
  void end_after_flush(SessionEnd end);
  /// What is due by now: ending the load, dialling, collecting, giving up.
  void on_time(MonoTime now);
  /// Until when the load may go on, while there is any.
  MonoTime load_limit() const;
  void show_standing() const;
  std::string_view state() const;
  MonoTime now() const { return options_.clock->now(); }
  MonoTime next_collection(MonoTime now) const;
  /// Whether seconds are collected, and thus a batch a second is to come.
  bool collects() const;

  const Options options_;
  const EngineFactory make_engine_;
  std::mt19937_64 random_;
  const std::string boot_id_;
  EventQueue<Event> inbox_;

  std::unique_ptr<CoordinatorLink> link_;
  std::uint64_t link_id_ = 0;
  bool welcomed_ = false;  ///< On the present link.
  bool found_ = false;     ///< Welcomed once, on whatever link.
  MonoTime dial_at_{};     ///< While there is no link.
  MonoTime give_up_at_{};  ///< While not welcomed.
  MonoTime broken_at_{};   ///< While not welcomed: since when.
  Nanos back_off_{0};
  std::string last_problem_;

  Phase phase_ = Phase::kJoining;
  /// An assignment whose datasets are on their way.
  struct Incoming {
    Assignment assignment;
    std::vector<Keys> keys;
    DatasetFetch fetch;
  };
  std::optional<Incoming> incoming_;
  const std::shared_ptr<Lease> lease_;
  std::unique_ptr<LoadEngine> engine_;
  std::string run_id_;                ///< With an engine.
  std::uint64_t run_ = 0;             ///< Counts the runs that this process has served.
  std::uint64_t epoch_ = 0;           ///< Of the last level.
  std::optional<LevelDone> done_;     ///< The last of them, for a coordinator that has not heard it.
  std::vector<std::uint32_t> lanes_;  ///< By cell: turns that a session of it may run at once.
  RunClock clock_;
  MonoTime
      coordinators_zero_{};     ///< The run's zero on the coordinator's clock, as the last heartbeat has it.
  Nanos clock_uncertainty_{0};  ///< Likewise.
  MonoTime collect_at_{};
  std::unique_ptr<v1::ClockReply> beat_reply_;  ///< That no message has taken along yet.
  std::optional<MonoTime> idle_at_;             ///< While draining: when the engine was first seen idle.
  std::uint64_t sequence_ = 0;
  std::int64_t complete_through_ = -1;  ///< As its last batch has said.
  BatchOutbox outbox_;
  bool records_shed_ = false;
  std::uint64_t drops_told_ = 0;
  std::uint64_t drained_through_ = 0;  ///< Once drained: the last batch that had a request.
  bool drained_told_ = false;          ///< On the present link.

  std::optional<std::string> stopping_;  ///< Why, after request_stop().
  std::optional<SessionEnd> end_;
  MonoTime flush_until_{};  ///< With end_: no later than this.
};

}  // namespace kneepoint::agent
