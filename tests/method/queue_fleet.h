#pragma once

#include <deque>
#include <limits>
#include <queue>
#include <vector>

#include "common/histogram.h"
#include "coordinator/run/run_loop.h"
#include "tests/method/moving_host.h"
#include "tests/method/queue_model.h"

namespace kneepoint::method {

/// Random numbers that are the same everywhere (the standard's distributions are not), and cheap.
class Random {
 public:
  /// Neighbouring seeds must not be neighbouring states: their streams would be the same, one number apart.
  explicit Random(std::uint64_t seed) : state_(seed * 0xd1342543de82ef95u + 0x1234567u) { state_ = next(); }
  std::uint64_t next();
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  /// Mean 0, standard deviation 1; the sum of four uniforms, which is near enough to a normal for noise.
  double bell();

 private:
  std::uint64_t state_;
};

/// The queueing model behind one agent, in virtual time: a LoadFleet that the real run loop drives. Closed
/// loop; a slot sends its next request the instant the last one ended, or thinks before, and backs off from
/// 429 as agents do.
/// Records seconds as agents do, but for two simplifications: a second is filed under the level that was last
/// in effect, and no figures of the generator itself are made up.
///
/// Cost: one ring slot per iteration, so that an iteration costs what it admits and completes, not what it
/// holds.
class QueueFleet final : public coordinator::LoadFleet {
 public:
  /// @param ttft_limits the cell's SLO limits, all of them on TTFT.
  QueueFleet(const QueueModel& model, std::vector<Nanos> ttft_limits, std::uint64_t seed);

  std::size_t agents() const override { return 1; }
  Nanos now() const override { return now_; }
  std::optional<coordinator::FleetEvent> wait(Nanos timeout) override;
  void send(const LoadLevel& level) override { levels_.push_back(level); }
  void drain(Nanos limit) override;
  bool drained() const override { return draining_ && quiet_ && events_.empty(); }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  struct Slot {
    double start = 0;
    double first = 0;
    std::uint32_t length = 0;
    std::uint32_t failures = 0;
    std::uint32_t limits_missed = 0;  // of TTFT, ascending: they pass in order
    std::uint32_t turn = 0;           // of its session
    bool active = false;
  };
  struct WakeUp {
    double at;
    std::uint32_t slot;
    bool thinks = false;  // else it backs off
    bool operator>(const WakeUp& other) const { return at > other.at; }
  };

  void advance(double to);
  /// Carries the integrals to `time`, which lies within the current second.
  void integrate(double time);
  void take_level(const LoadLevel& level);
  void start_request(std::uint32_t slot, double time);
  void end_slot_or_restart(std::uint32_t slot, double time);
  void begin_iteration(double time);
  void end_iteration(double time);
  void complete(std::uint32_t slot, double time);
  void miss_overdue(double time);
  void end_second();
  std::uint32_t in_system() const { return running_ + static_cast<std::uint32_t>(waiting_.size()); }
  double next_start() const;

  QueueModel model_;
  std::vector<double> limits_;            // seconds, ascending
  std::vector<std::size_t> limit_index_;  // into the cell's limits
  Random random_;
  Nanos now_{std::chrono::milliseconds(-500)};
  std::deque<LoadLevel> levels_;
  bool draining_ = false;
  bool quiet_ = true;  // no slot was active when the last second ended
  std::deque<coordinator::FleetEvent> events_;

  // Load.
  LoadLevel level_;
  std::vector<Slot> slots_;
  std::uint32_t next_added_ = 0;  // of level_, not started yet
  std::uint32_t active_ = 0;
  std::uint32_t backing_off_ = 0, thinking_ = 0;
  std::priority_queue<WakeUp, std::vector<WakeUp>, std::greater<>> wake_ups_;

  // The host.
  MovingHost host_;
  std::deque<std::uint32_t> waiting_;
  std::vector<std::uint32_t> admitted_;                // in the iteration under way
  std::vector<std::vector<std::uint32_t>> finishing_;  // by iteration number modulo its size
  std::uint64_t iteration_ = 0;
  double iteration_end_ = kNever;
  std::uint32_t running_ = 0;
  double slow_ = 0;

  // The second under way.
  std::int64_t second_ = -1;
  double integrated_ = -1;
  SeriesStats stats_;
  DenseHistogram ttft_, tpot_, e2e_;
};

}  // namespace kneepoint::method
