#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/agent_caps.h"
#include "common/clock.h"
#include "common/event_queue.h"
#include "common/fleet_tls.h"
#include "common/lease.h"
#include "common/plan.h"
#include "common/result.h"
#include "common/version.h"
#include "coordinator/fleet/agent_link.h"
#include "coordinator/fleet/clock_sync.h"
#include "coordinator/fleet/load_fleet.h"
#include "coordinator/fleet/membership.h"
#include "coordinator/fleet/shares.h"

namespace kneepoint::v1 {
class AgentMessage;
class ClockReply;
class CoordinatorMessage;
class DatasetRequest;
class Hello;
}  // namespace kneepoint::v1

namespace kneepoint::coordinator {

/// What a fleet knows of one agent.
struct AgentInfo {
  std::string name;
  std::string boot_id;
  std::uint32_t threads = 0;
  std::uint32_t cpus = 0;
  std::uint64_t pid = 0;
  std::string peer;
  AgentCaps caps;
  ClockEstimate clock;  ///< After start().
  /// How far its clock has moved against this one since: heartbeats measure it, and move the run's zero
  /// there.
  Nanos clock_drift{0};
  Membership membership;
};

/// The agents of one run over gRPC: listen, assemble, start, then a LoadFleet for the run loop, then finish.
/// All members but recorded() are called from one thread, which must come back to wait() at least once a
/// second while a run goes on: that is when heartbeats go out, and an agent that gets none ends its load
/// (common/lease.h). An agent whose link breaks may come back for a while, and nothing is lost: what it
/// measured and what it was told are sent again. A process that carries another run is told to forget it.
class Fleet final : public LoadFleet {
 public:
  struct Options {
    std::vector<std::string> listen;  ///< HOST:PORT (port 0: any) and unix:PATH; at least one.
    bool insecure = false;            ///< Allows plain TCP beyond this machine.
    std::shared_ptr<const FleetCredentials> credentials;  ///< Mutual TLS on TCP; null: plain.
    std::string build{version()};                         ///< Agents of another are turned away.
    /// An agent that says nothing for so long is lost.
    Nanos silence_limit = lease::kSilence;
    /// So is one whose link broke and that has not come back by then.
    Nanos return_limit = lease::kReturn;
    /// So is one that answers, but whose seconds have stood still for so long.
    Nanos still_limit = lease::kStill;
    Nanos heartbeat = lease::kHeartbeat;
  };

  /// Polled some ten times a second while waiting: an error ends the wait with it (interrupted, a local agent
  /// died).
  using Check = std::function<Result<void>()>;

  static Result<std::unique_ptr<Fleet>> listen(Options options);
  /// How a fleet is reached: hands every event of its agents' links to the sink.
  using Serve = std::function<Result<std::unique_ptr<LinkServer>>(LinkServer::Sink)>;
  /// The same with agents that come another way than over gRPC, in the time of `clock`, which must outlive
  /// the fleet. Of the options `listen` and `credentials` are for listen() only.
  static Result<std::unique_ptr<Fleet>> over(Options options, WaitableClock& clock, const Serve& serve);
  /// Tells agents that the run is incomplete, unless finish() was called.
  ~Fleet() override;

  /// Where agents can dial, in the order of Options::listen, with the ports that were bound.
  const std::vector<std::string>& addresses() const { return addresses_; }

  /// How many agents are awaited, and how many of them will do once the time is over; absent: all.
  struct Quorum {
    std::size_t expected = 1;
    std::optional<std::size_t> least;
  };

  /// Waits until enough agents are there at once. Later ones are taken in while there are fewer than
  /// expected, and get load with the next level after they have made themselves ready; beyond, they are
  /// turned away. Numbers them in order of name, so that the same agents get the same slots in every run.
  /// `on_joined` hears of every arrival.
  Result<void> assemble(Quorum quorum, Nanos timeout, const Check& check = {},
                        const std::function<void(const AgentInfo&, std::size_t present)>& on_joined = {});

  /// Between assemble() and start(), for a caller that has something else to wait for: takes what agents say
  /// for `patience`. They wait as long as it takes. Fails when one is lost, naming it.
  Result<void> hold(Nanos patience = Nanos(0));

  /// Measures every agent's clock, sets the run's zero about half a second ahead, hands out `assignment` (its
  /// zero is filled in for each agent), serves the datasets that agents ask for, and waits until every agent
  /// is ready. Fails when one refuses, naming why, or is lost.
  /// @param begun how far the run's time has come by then: the zero lies so long before.
  Result<void> start(const Assignment& assignment, const Check& check = {}, Nanos begun = Nanos(0));

  /// The run's zero on this machine's monotonic clock. After start().
  MonoTime zero() const { return zero_; }
  /// @param agent below agents_ever().
  const AgentInfo& agent(std::uint32_t agent) const;
  /// How many have been numbered: those lost are among them, and those that came back have two numbers.
  std::uint32_t agents_ever() const { return static_cast<std::uint32_t>(members_.size()); }
  /// Whether every agent that is still connected has, after drain(), ended its last request and all its
  /// batches were returned by wait().
  bool drained() const override;
  bool gathering() const override;

  /// Those not lost, but for one that has become ready and that wait() has not told of yet.
  std::size_t agents() const override;
  Nanos now() const override { return clock_.now() - zero_; }
  /// Batches come once each, in order for each agent, even when a link broke in between; agents that were
  /// lost may still deliver what they had measured. For an agent without requests in a budgeted level,
  /// LevelFinished comes at once.
  std::optional<FleetEvent> wait(Nanos timeout) override;
  /// A batch is where a kill of this process cannot lose it: its agent need not keep it any longer. In the
  /// order of the batches. Any thread.
  void recorded(std::uint32_t agent, std::uint64_t sequence);
  /// The agent's process has ended, as its parent knows: there is nobody, and no load, to wait for.
  void process_ended(const std::string& name, const std::string& reason);
  void send(const LoadLevel& level) override;
  void drain(Nanos limit) override;

  /// How a run has ended, for its agents.
  struct End {
    bool complete = false;
    std::string reason;  ///< Why it is not complete.
    bool final = false;  ///< Nor will it be: nobody goes on with it, and agents need not look for anybody.
  };
  /// Ends the conversation with every agent, which then exit: with 0 when the run is complete.
  /// @returns how many there were.
  std::size_t finish(End end);
  void finish(bool complete, const std::string& reason = {}) { finish({complete, reason, complete}); }
  /// After finish(): tells the same to those that come yet, for `patience` at most, until so many agents have
  /// heard it, or until `check` fails.
  void see_off(std::size_t agents, Nanos patience, const Check& check = {});

 private:
  struct Member;

  Fleet(Options options, WaitableClock& clock);
  /// Takes one event from the links, until `deadline`. False when none came.
  bool pump(MonoTime deadline);
  void on_message(const std::shared_ptr<AgentLink>& link, const v1::AgentMessage& message, MonoTime at);
  void on_hello(const std::shared_ptr<AgentLink>& link, const v1::Hello& hello);
  /// The same process over a new link.
  void on_return(Member& member, const std::shared_ptr<AgentLink>& link, const v1::Hello& hello);
  /// One that has no number yet.
  void admit(const std::shared_ptr<AgentLink>& link, AgentInfo info);
  /// Takes it in as the next one.
  Member& enroll(const std::shared_ptr<Member>& member);
  void on_ready(Member& member);
  /// Before there is an assignment nothing is of the run, an empty name neither.
  bool is_of_run(const std::string& run_id) const { return !run_id_.empty() && run_id == run_id_; }
  void serve_dataset(AgentLink& link, const v1::DatasetRequest& request);
  void on_clock_reply(Member& member, const v1::ClockReply& reply, MonoTime at);
  void on_heartbeat_reply(Member& member, const v1::ClockReply& reply, MonoTime at);
  void on_level_done(Member& member, const v1::AgentMessage& message);
  void on_batch(Member& member, LinkEvent::RunBatch batch);
  /// What in it cannot be of this run now; empty where nothing.
  std::string fault_in(const SnapshotBatch& batch) const;
  void on_closed(const std::shared_ptr<AgentLink>& link, const LinkClosed& closed);
  enum class Loss {
    kLeaseRuns,  ///< Its load may go on until its lease ends.
    kEnded,      ///< Its load has ended: its process has, or it says so.
    kBarred,     ///< As kLeaseRuns; it is not to come back, as what it says is not to be worked with.
  };
  void lose(Member& member, const std::string& reason, Loss how = Loss::kLeaseRuns);
  /// Loses those that have been away for too long. Only what happened while this thread looked counts: after
  /// an absence of its own everybody has the full time again, and where that was so long that agents have
  /// ended their load and dial anew, time to do so.
  /// @returns false where it has just looked.
  bool find_absent();
  bool stands_still(const Member& member) const;
  /// Takes back those that were lost and have handed over what they had measured, as new members.
  void take_back();
  /// This thread is here: notes it, and sends heartbeats when they are due.
  void attend();
  void beat(Member& member, MonoTime now);
  /// At once where the agent waits for it or gets no heartbeats; else the next one tells.
  void acknowledge(const Member& member);
  void tell_end(AgentLink& link, const std::string& name);
  void attach(Member& member, const std::shared_ptr<AgentLink>& link, bool resume);
  void send_assignment(Member& member);
  void send_share(Member& member);
  /// An error when an agent refused or is lost, naming it.
  Result<void> check_members() const;
  /// Pumps until `ready` holds for every agent; an error when one refuses or is lost, or does not become it
  /// in time.
  Result<void> wait_for_all(bool (*ready)(const Member&), const char* what, const Check& check);
  Result<void> measure_clocks(const Check& check);
  /// Of those that are expected.
  std::size_t places_taken() const;
  /// Null where the link is nobody's any more.
  static Member* member_of(const AgentLink& link);
  Member* latest(const std::string& name);

  enum class Phase { kAssembling, kAssembled, kRunning, kFinished };

  const Options options_;
  WaitableClock& clock_;
  std::vector<std::string> addresses_;
  Phase phase_ = Phase::kAssembling;
  std::size_t expected_ = 0;
  std::vector<std::shared_ptr<Member>> members_;  ///< By number.
  std::vector<std::shared_ptr<Member>>
      joining_;  ///< While the run goes on: those that make themselves ready.
  std::function<void(const AgentInfo&, std::size_t)> on_joined_;
  MonoTime zero_{};
  /// Also for those that join later; its zero is the last one's that got it. Null before there is one.
  std::unique_ptr<v1::CoordinatorMessage> assignment_;
  std::string run_id_;  ///< Once there is an assignment.
  std::size_t cells_ = 0;
  std::uint64_t epoch_ = 0;           ///< Of the last level.
  std::optional<ShareTable> shares_;  ///< Once there was a level.
  MonoTime beat_due_{};
  std::uint32_t beats_ = 0;
  MonoTime attended_at_{};    ///< When this thread last looked.
  MonoTime judged_from_{};    ///< Since when it has looked without a break.
  MonoTime patient_until_{};  ///< After a long absence: nobody is lost for a broken link before.
  MonoTime judged_at_{};
  MonoTime tended_at_{};
  std::map<std::string, std::string> datasets_;  ///< Their bytes, by content hash.
  MonoTime served_at_{};                         ///< When the last piece of one was asked for.
  std::optional<Nanos> drain_limit_;             ///< After drain().
  End end_;                                      ///< After finish(), and …
  std::set<std::string> told_;                   ///< … who has heard it.
  std::deque<FleetEvent> events_;                ///< For wait().
  struct Recorded {
    std::uint32_t agent = 0;
    std::uint64_t sequence = 0;
  };
  EventQueue<std::variant<LinkEvent, Recorded>> inbox_;
  std::unique_ptr<LinkServer> server_;  ///< Last: its threads push into inbox_ until it is gone.
};

}  // namespace kneepoint::coordinator
