#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "agent/load/arrival_queue.h"
#include "agent/load/run_setup.h"
#include "agent/load/slot.h"
#include "agent/net/poller.h"
#include "agent/net/resolver.h"
#include "agent/record/recorder.h"
#include "agent/record/self_monitor.h"
#include "agent/stream/completion_stream.h"
#include "agent/stream/lease.h"
#include "common/slot_set.h"

namespace kneepoint::agent {

/// A budgeted level's progress over the threads of the agent.
struct BudgetProgress {
  explicit BudgetProgress(unsigned threads) : threads_left(threads) {}
  std::atomic<unsigned> threads_left;
  std::atomic<Nanos::rep> finished_at{0};  ///< The latest end so far, since the run's zero.
};

/// A level on its way to a thread. `progress` is null without a budget.
struct LevelOrder {
  LoadLevel level;
  SlotSet slots;  ///< The thread's.
  std::shared_ptr<BudgetProgress> progress;
};

/// What a slot of an open loop is to send.
struct DueRequest {
  Ticket ticket;
  MonoTime at{};  ///< When it was due.
};

/// What a thread hands over for a collection.
struct ThreadReport {
  std::vector<RecordedSecond> seconds;
  std::int64_t complete_through = -1;
  std::map<std::uint32_t, std::string> replica_names;
  std::uint32_t in_flight = 0;
  std::uint32_t in_flight_beside = 0;
  std::uint32_t backing_off = 0;
  std::uint32_t active_slots = 0;
};

/// One event-loop thread with its slots, its recorder and everything else that requests touch: nothing on the
/// token path is shared between threads. A slot stays on its thread for as long as its share does.
class LoadThread {
 public:
  /// Called on this thread when the last of its threads finishes a budget.
  using BudgetDone = std::function<void(std::uint64_t epoch, Nanos finished_at)>;

  /// @param lease ends the load when it ends; null: nothing does.
  LoadThread(std::shared_ptr<const RunSetup> setup, std::shared_ptr<Lease> lease, unsigned index,
             BudgetDone on_budget_done);
  /// Stops at once.
  ~LoadThread();
  LoadThread(const LoadThread&) = delete;
  LoadThread& operator=(const LoadThread&) = delete;

  // From any thread:

  void apply(LevelOrder order);
  void drain(Nanos limit);
  /// As LoadEngine says.
  void set_zero(MonoTime zero);
  bool idle() const { return commands_ == 0 && live_slots_ == 0; }
  /// Asks for a report; `on_report` runs on this thread.
  void hand_over(std::function<void(ThreadReport)> on_report);

  // For the thread's own slots:

  /// Until when the present level, or one that is about to take effect, has the slot: MonoTime::max() while
  /// no end of it is known.
  MonoTime end_of(const Slot& slot) const;
  bool keeps(const Slot& slot) const { return mono_now() < end_of(slot); }
  /// Whether an arrival's session may send its next turn.
  bool may_go_on(const Slot& slot) const { return keeps(slot) && allowed(mono_now()); }
  /// The next request under the level in force; nothing when the slot has no more to do.
  std::optional<Ticket> next_request(Slot& slot);
  /// @param turn of a session with lanes, after its first; else the slot's conversation says what comes.
  CompletionRequest compose(Slot& slot, const Ticket& ticket, MonoTime intended,
                            std::optional<std::uint32_t> turn = {});
  /// The request that is turn `turn` of a session with lanes; nothing when its level wants no more.
  std::optional<Ticket> next_turn(Slot& session, std::uint32_t turn);
  /// A lane more for a session, which begins at once.
  void fork(Slot& session, Slot::Fork fork);
  /// A forked lane takes part from now on: it has its connection.
  void lane_begins(Slot& session);
  /// A lane has no turn to come. @param broken_off it had, and will not send it: nor will the others.
  void lane_ended(Slot& lane, bool broken_off);
  /// Which session the request belongs to, and so which key is its.
  void join_session(Slot& slot, const Ticket& ticket, CompletionRequest& request);
  /// The longest waiting arrival of an open loop; nothing, and the slot is parked, where none waits.
  std::optional<DueRequest> next_arrival(Slot& slot);
  /// A request has succeeded, at `at`. @return how long the slot thinks before its next one.
  Nanos turn_ended(Slot& slot, const Ticket& ticket, const CompletionRequest& request, MonoTime at);
  void request_ended(Slot& slot, MonoTime at);
  void slot_ended(const Slot& slot);
  /// Where its first request goes, as far as can be told.
  const Route& first_route(const Slot& slot) const;

 private:
  /// What the thread's slots of one cell share.
  struct CellState {
    std::vector<std::shared_ptr<Dialect>> dialects;  ///< By class.
    UsageOption usage{};                   ///< What the assignment says; less once the host has refused that.
    std::vector<std::uint32_t> in_flight;  ///< By replica.
    std::vector<bool> slots;               ///< Whether there is one, by number.
  };
  /// New slots of one turn of the event loop: about 0.1 ms.
  static constexpr int kSlotsPerTurn = 32;
  /// Slots of a closed loop that are still to be made: a level of ten thousand would stall the streams that
  /// run, so each turn of the event loop makes a few.
  struct Growth {
    LevelOrder order;
    std::uint32_t next = 0;  ///< Place among this thread's slots.
  };

  ThreadContext context() { return {poller_, resolver_, recorder_, buffers_, pool_, lease_.get()}; }
  void run();
  void tick();
  void accept(LevelOrder order);
  void promote_due();
  void enforce(const LevelOrder& order);
  void add_missing_slots(const LevelOrder& order);
  void grow();
  bool has_slot(std::uint32_t cell, std::uint32_t number) const;
  void add_slot(const LoadLevel& level, std::uint32_t number, Slot::Kind kind);
  void follow_arrivals(const LevelOrder& order);
  void prepare_spares(const LevelOrder& order);
  bool add_open_slot(const LevelOrder& order, Slot::Kind kind);
  void serve_arrivals();
  void finish_budget(MonoTime at);
  MonoTime end_under(const LevelOrder& order, const Slot& slot) const;
  void cancel_all();
  void end_load();
  bool allowed(MonoTime now) const { return lease_ == nullptr || lease_->allows(now); }
  void check_lease();
  void remove_ended_slots();
  CellState& state(std::uint32_t cell);
  void count_lane(Slot& session, std::int32_t by);
  void move_lanes(Slot& session, const SeriesKey& key);
  std::uint32_t pick_replica(Slot& slot, const Ticket& ticket, std::uint32_t turn);

  const std::shared_ptr<const RunSetup> setup_;
  const std::shared_ptr<Lease> lease_;
  const unsigned index_;
  const BudgetDone on_budget_done_;

  Poller poller_;
  Resolver resolver_;
  MonoTime zero_;  // the run's
  Recorder recorder_;
  ThreadBuffers buffers_;
  ConnectionPool pool_;
  std::vector<CellState> cells_;
  std::optional<SelfMonitor> monitor_;
  Timer tick_;
  Timer promotion_;
  Timer drain_limit_;
  Timer growth_timer_;
  Timer lease_timer_;
  std::optional<Growth> growth_;
  struct {
    std::uint64_t epoch = 0;
    std::uint32_t next = 0;  // place among this thread's slots: those before it have been made
  } open_;                   // of an open loop's slots, which are made as they are needed
  ArrivalQueue arrivals_;

  LevelOrder current_;  // concurrency 0 until the first level
  std::deque<LevelOrder> pending_;
  std::size_t budget_slots_left_ = 0;  // slots of current_ that have not finished their share
  MonoTime budget_last_end_{};
  std::vector<std::unique_ptr<Slot>> slots_;
  std::size_t ended_slots_ = 0;
  std::uint32_t in_flight_beside_ = 0;  // requests beyond one for each slot
  std::vector<Slot*> parked_;           // the one used last at the back; some may have been woken since

  std::atomic<std::uint32_t> live_slots_{0};
  std::atomic<std::uint32_t> commands_{0};  // posted and not executed
  std::thread thread_;                      // last: it uses everything above
};

}  // namespace kneepoint::agent
