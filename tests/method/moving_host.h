#pragma once

#include <cstdint>
#include <vector>

/// How a host moves: its speed, its pods and what it admits, over time and with what it was made to do.
namespace kneepoint::method {

enum class Moving {
  kNot,
  kHeat,         ///< Slows down under load, recovers without.
  kWave,         ///< Its speed is a sine.
  kAutoscale,    ///< A second pod joins some time after requests began to queue.
  kWarmCache,    ///< Prefill gets cheaper with every request.
  kTokenBucket,  ///< Refuses what goes beyond a rate, once an allowance is spent.
  kNeighbour,    ///< Another tenant takes a share of its speed, now and then.
  kStall,        ///< Stops, again and again.
  kLeak,         ///< Gets slower steadily.
  kPodLeaves,    ///< One of two pods goes away.
  kThrottle,     ///< Gets hot and is throttled in two steps.
  kQuota,        ///< Refuses what goes beyond so many requests in each minute of the clock.
  kEviction,     ///< As kWarmCache, and all of it is lost once.
  kSquareWave,   ///< It has two speeds, by turns of equal length.
  kTwoWaves,     ///< Its speed is a sine upon another.
};

/// Times in seconds.
struct Movement {
  Moving how = Moving::kNot;
  /// kHeat, kThrottle, kNeighbour: the share of its speed that it loses; waves: amplitude, relative;
  /// kWarmCache, kEviction: what prefill costs when cold, over what it costs when warm; kTokenBucket, kQuota:
  /// requests a second that last; kLeak: relative growth of an iteration's time in a second.
  double amount = 0;
  /// kHeat, kThrottle: time constant of the temperature; waves, kStall: period; kAutoscale: from the first
  /// queueing to the second pod; kNeighbour: mean spell on; kPodLeaves, kEviction: when.
  double seconds = 0;
  /// kHeat, kThrottle: the share of its slots from which on it heats up; waves, kStall: place in the period
  /// at the start, of 1; kWarmCache, kEviction: requests by which the excess has fallen to 1/e; kTokenBucket:
  /// the allowance; kNeighbour: mean spell off.
  double extent = 0;
  /// kStall: how long it stops; kTwoWaves: the period of the other.
  double length = 0;
};

/// The state of a host that moves. Time goes forward only. Speed is relative to that of the model.
class MovingHost {
 public:
  MovingHost(const Movement& movement, std::uint64_t seed);

  /// It ran until `time` with this share of its slots in use, and with requests waiting or not.
  void pass(double time, double load, bool queueing);
  /// Whether a request that comes now is let in, as far as the movement goes. Counts it.
  bool admits(double time);

  double speed() const;
  double prefill() const;  ///< Cost, over that of the model.
  std::uint32_t pods() const { return pods_; }
  /// How long an iteration that would take from `begin` to `end` is held up by stalls.
  double stalled(double begin, double end) const;

 private:
  double random();  ///< In (0, 1].

  Movement movement_;
  std::uint64_t random_;
  double now_ = 0;
  double temperature_ = 0;
  std::uint32_t pods_ = 1;
  double queueing_since_ = -1;
  double served_ = 0;
  double allowance_ = 0, refilled_at_ = 0;
  bool neighbour_ = false;
  double next_change_ = 0;
  std::int64_t minute_ = -1;
  double admitted_ = 0;  // in that minute
  bool evicted_ = false;
};

/// The mean of its speed over time under a load that stays, once its passing states are over; `load` is the
/// share of its slots in use.
double lasting_speed(const Movement& movement, double load);

}  // namespace kneepoint::method
