#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/second_stats.h"
#include "coordinator/results/look.h"
#include "coordinator/timeline/presence.h"

namespace kneepoint::coordinator {

/// Of each second and cell so many of the requests that ended in it are kept: those that waited longest for
/// their first token, and some that were drawn by lot.
inline constexpr std::size_t kSlowestRows = 10, kDrawnRows = 5;
/// For its first token, which both have.
bool waited_longer(const RequestRow& a, const RequestRow& b);
/// A hash of which request it is: the lowest are drawn, and so the same ones however parts are merged.
std::uint64_t lot_of(const RequestRow& row);
/// Leaves of `rows` the kSlowestRows of each cell, the slowest first; those without a first token go.
void keep_slowest(std::vector<RequestRow>& rows);
/// Leaves the kDrawnRows of each cell with the lowest lots as well, in the same order.
void keep_rows(std::vector<RequestRow>& rows);

/// One second of a run, merged over the fleet.
struct TimelineSecond {
  std::map<SeriesKey, SeriesStats> series;
  std::vector<RequestRow> rows;  ///< As keep_rows() leaves them; only with `records`.
  GeneratorStats generator;      ///< Of all agents: their sums, and the largest of what has a largest.
  std::int64_t span = 1;         ///< Seconds that it stands for, from its own on; more only after fold().
  std::vector<double> busiest;   ///< After fold(): the busiest thread of each of these seconds.
  /// The busiest thread of any agent, for each second that it stands for and was reported.
  std::vector<double> busiest_threads() const;
};

/// Which seconds of a timeline are whole: what it knows of its agents, without them.
struct Coverage {
  std::int64_t from = 0;               ///< Timeline::from()
  std::int64_t complete_through = -1;  ///< Timeline::complete_through()
  /// Seconds [begin, end) of which somebody's part is not there; ascending, and apart from one another.
  std::vector<std::pair<std::int64_t, std::int64_t>> missing;
  bool operator==(const Coverage&) const = default;
};

/// Every second of a run, merged as batches arrive, in any order. The one source of every figure in a report.
/// Not thread-safe: owned by the coordinator's main thread.
class Timeline {
 public:
  /// Seconds are expected from it from `from` on.
  void add_agent(std::uint32_t agent, std::int64_t from);
  /// Another coordinator goes on with the run from second `from` on, with agents of its own, to be added and
  /// numbered anew. From those before nothing more is expected.
  void resume(std::int64_t from);
  /// The second from which the present coordinator's agents measure.
  std::int64_t from() const { return from_; }
  /// No second from `until` on is expected from it. Those before that it never hands over stay incomplete.
  void lose_agent(std::uint32_t agent, std::int64_t until);
  /// Merges a batch. What one that was lost measured after that, as answers that it read when it woke up,
  /// counts in the last second that was expected from it: it is no part of what the others measured since.
  /// The caller has dropped repeated ones (see fleet). Where the agent's numbers have a gap, the seconds that
  /// the missing batches may have held stay incomplete for good. Batches numbered 0 have no number.
  void add(std::uint32_t agent, const SnapshotBatch& batch);
  /// Merges every `span` seconds of [begin, end) into one, so that a run of many hours takes little memory.
  /// Windows over them are cut at multiples of `span` from `begin` only.
  void fold(std::int64_t begin, std::int64_t end, std::int64_t span);

  /// Takes over from a timeline to which nothing is added any more: how much of it is whole …
  void restore(Coverage coverage);
  /// … and one of its seconds.
  void restore(std::int64_t number, TimelineSecond second,
               const std::map<std::uint32_t, std::string>& replica_names);

  const std::map<std::int64_t, TimelineSecond>& seconds() const { return seconds_; }
  /// Of the replicas that response headers name, by SeriesKey::replica.
  const std::map<std::uint32_t, std::string>& replica_names() const { return replica_names_; }
  /// The last second that every agent still expected has completed; at first the one before the beginning.
  std::int64_t complete_through() const;
  /// Whether every agent of the coordinator of the time has delivered those seconds of [begin, end) that are
  /// expected from it.
  bool complete(std::int64_t begin, std::int64_t end) const;
  Coverage coverage() const;

 private:
  struct Agent {
    std::int64_t complete_through = -1;
    std::uint64_t sequence = 0;  ///< Of its last batch.
    Presence presence;
    std::vector<std::pair<std::int64_t, std::int64_t>> holes;  ///< [first, last] second.
  };
  TimelineSecond& second_of_part(std::int64_t number);
  static void note_gap(Agent& agent, const SnapshotBatch& batch);
  std::map<std::int64_t, TimelineSecond> seconds_;
  std::map<std::uint32_t, std::string> replica_names_;
  using Agents = std::map<std::uint32_t, Agent>;
  std::int64_t from_ = 0;
  Agents agents_;
  std::vector<std::pair<std::int64_t, Agents>> earlier_;  ///< Of coordinators before, until which second.
  std::optional<Coverage> restored_;                      ///< Then it counts, and the agents do not.
};

/// What a step is for.
enum class StepRole {
  kRamp,     ///< Part of what the verdict is made of.
  kDescent,  ///< After the ramp, on the way back down.
  kProof,    ///< After the ramp, the knee again with another number of agents.
};

/// What a controller did for one step, to be measured once its seconds are complete.
struct StepWindow {
  std::uint32_t cell = 0;
  std::uint32_t concurrency = 0;
  std::optional<double> rate;  ///< Of an open loop: requests a second.
  std::uint32_t attempt = 1;
  std::uint64_t epoch = 0;
  Nanos level_at{0};  ///< When the level took effect, since the run's zero.
  /// The measured seconds [begin, end). For a step bounded by requests: the seconds that its requests
  /// touched.
  std::int64_t begin = 0;
  std::int64_t end = 0;
  /// For a step bounded by requests: their number and when the last one ended. Its figures are those of the
  /// epoch's requests, over the time from `level_at`.
  std::optional<std::uint32_t> requests;
  std::optional<Nanos> finished_at;
  bool interrupted = false;  ///< Cut short by the user or a guard rail.
  bool agent_lost = false;   ///< An agent was lost before it ended.
  bool unsteady = false;     ///< More than half of it was still settling, even when extended.
  StepRole role = StepRole::kRamp;
  bool scout = false;  ///< A search's brief look, to find where to measure.
  /// Its figures are made of bins of so many seconds, which divide it: those of a soak are folded.
  std::int64_t grain = 1;
  std::uint32_t agents = 0;     ///< How many agents made the load; 0: all of them.
  bool low_confidence = false;  ///< It reached its longest length before its figures were precise enough.
  bool moving = false;          ///< The load moved throughout; `concurrency` or `rate` is its mean.
  std::optional<Look> look;     ///< It measures again for what is claimed.
};

}  // namespace kneepoint::coordinator
