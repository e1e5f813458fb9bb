#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/net/task.h"
#include "agent/prompts/conversation.h"
#include "agent/prompts/session_turns.h"
#include "agent/prompts/text.h"
#include "agent/stream/completion_stream.h"
#include "common/plan.h"

namespace kneepoint::agent {

class LoadThread;
class Slot;

/// What the lanes of a slot's session share, where its turns run beside each other.
struct SessionLanes {
  SessionTurns turns;
  Ticket ticket;                        ///< Of its first request.
  PromptPick first;                     ///< What that asks.
  SeriesKey key;                        ///< Where its lanes are counted.
  std::vector<Slot*> forks;             ///< Its lanes on other slots.
  std::uint32_t counted = 0;            ///< Lanes that take part: one that still connects is nowhere.
  std::uint32_t open = 0;               ///< Lanes with a turn under way or to come.
  Outcome outcome = Outcome::kSuccess;  ///< Of the first request that failed.
  bool broken = false;                  ///< No other turn begins.
  MonoTime ended_at{};                  ///< The last of its requests.
};

/// One of a level's requests in flight: issues requests one after the other for as long as the level wants
/// it, or, in an open loop, serves the arrivals that its thread hands it. Lives on one thread for good.
class Slot {
 public:
  enum class Kind : std::uint8_t {
    kClosedLoop,       ///< Opens its connection shortly before its first request.
    kOpenLoop,         ///< Serves an arrival at once.
    kSpareOfOpenLoop,  ///< Opens its connection, then waits for an arrival.
    kLane,             ///< Runs turns of another slot's session beside it, then ends.
  };
  /// Where a lane begins: the turn, and the request after whose end it comes.
  struct Fork {
    std::uint32_t turn = 0;
    CompletionRequest before;
    MonoTime since{};
  };
  /// @param not_before a closed loop's first request's instant.
  Slot(LoadThread& thread, const ThreadContext& context, Kind kind, std::uint32_t cell, std::uint32_t number,
       MonoTime not_before);

  /// A lane of `session`, which outlives it.
  Slot(LoadThread& thread, const ThreadContext& context, Slot& session, Fork fork);

  void start();
  /// The level has changed: a slot that sleeps looks whether it is still wanted.
  void reconsider();
  /// Ends at once; the present request as Outcome::kCancelled.
  void cancel();
  /// Another level wants the slot from this instant.
  void set_not_before(MonoTime at) { not_before_ = at; }

  bool done() const { return task_.done(); }
  /// Whether it is another one's lane.
  bool is_lane() const { return kind_ == Kind::kLane; }
  /// Whose session its requests belong to: its own, or the one that it is a lane of.
  Slot& owner() const { return *owner_; }
  std::uint32_t cell() const { return cell_; }
  std::uint32_t number() const { return number_; }

  std::uint64_t epoch = 0;      ///< Of the level that its last ticket was issued under.
  std::uint64_t issued = 0;     ///< Requests under that level.
  std::uint32_t replica = 0;    ///< Of its last request.
  bool parked = false;          ///< An open loop's: it waits for an arrival.
  std::uint32_t in_flight = 0;  ///< Its requests, those of its session's lanes included.
  ConversationState conversation;
  std::unique_ptr<SessionLanes> lanes;  ///< Once it has had a session with lanes: slots are many.
  std::string session;                  ///< What its requests name their session.
  std::uint64_t sessions = 0;           ///< Begun by it.

 private:
  /// Whether no other turn of its session begins.
  bool session_is_over() const { return owner_->lanes && owner_->lanes->broken; }
  Task<void> run();
  Task<void> keep_in_flight();
  Task<void> serve_arrivals();
  Task<Ending> run_session(Ticket ticket, CompletionRequest request);
  Task<void> run_lane(Fork fork);
  Task<MonoTime> go_on(Ticket ticket, CompletionRequest request, Ending ending);
  Task<std::optional<MonoTime>> think(const CompletionRequest& request, MonoTime since, Nanos thinking);
  Task<bool> sleep_until(MonoTime at);

  LoadThread& thread_;
  const Kind kind_;
  const std::uint32_t cell_;
  const std::uint32_t number_;
  Slot* const owner_;
  std::unique_ptr<Fork> fork_;  // of a lane
  MonoTime not_before_;
  bool cancelled_ = false;
  Recorder& recorder_;
  Sleeper sleeper_;
  CompletionStream stream_;
  Task<void> task_;
};

}  // namespace kneepoint::agent
