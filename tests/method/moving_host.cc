#include "tests/method/moving_host.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace kneepoint::method {
namespace {

/// A host that cools slows down between these temperatures; 1 is that of a load which stays.
constexpr double kWarm = 0.3, kHot = 0.7;
/// And one that is throttled, at these.
constexpr double kFirst = 0.5, kSecond = 0.85;

}  // namespace

MovingHost::MovingHost(const Movement& movement, std::uint64_t seed)
    : movement_(movement), random_(seed ^ 0x6d6f76696e67u), allowance_(movement.extent) {
  if (movement_.how == Moving::kPodLeaves) pods_ = 2;
  if (movement_.how == Moving::kNeighbour) next_change_ = movement_.extent * random();
}

double MovingHost::random() {  // splitmix64
  std::uint64_t z = (random_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return (static_cast<double>(z >> 11) + 1) * 0x1.0p-53;
}

void MovingHost::pass(double time, double load, bool queueing) {
  if (time <= now_) return;
  const double span = time - now_;
  now_ = time;
  switch (movement_.how) {
    case Moving::kThrottle:
    case Moving::kHeat: {
      const double target = load > movement_.extent ? 1 : 0;
      temperature_ = target + (temperature_ - target) * std::exp(-span / movement_.seconds);
      break;
    }
    case Moving::kAutoscale:
      if (!queueing) {
        queueing_since_ = -1;
      } else if (queueing_since_ < 0) {
        queueing_since_ = time;
      }
      if (queueing && time - queueing_since_ >= movement_.seconds) pods_ = 2;
      break;
    case Moving::kPodLeaves:
      if (time >= movement_.seconds) pods_ = 1;
      break;
    case Moving::kEviction:
      if (time >= movement_.seconds && !std::exchange(evicted_, true)) served_ = 0;
      break;
    case Moving::kNeighbour:
      while (time >= next_change_) {
        neighbour_ = !neighbour_;
        // Half of a spell is fixed, half of it is not: neither a clock nor pure chance.
        const double mean = neighbour_ ? movement_.seconds : movement_.extent;
        next_change_ += mean * (0.5 - 0.5 * std::log(random()));
      }
      break;
    default:
      break;
  }
}

bool MovingHost::admits(double time) {
  if (movement_.how == Moving::kWarmCache || movement_.how == Moving::kEviction) served_ += 1;
  if (movement_.how == Moving::kQuota) {
    const auto minute = static_cast<std::int64_t>(time / 60);
    if (std::exchange(minute_, minute) != minute) admitted_ = 0;
    if (admitted_ >= 60 * movement_.amount) return false;
    admitted_ += 1;
  }
  if (movement_.how != Moving::kTokenBucket) return true;
  allowance_ = std::min(movement_.extent, allowance_ + (time - refilled_at_) * movement_.amount);
  refilled_at_ = time;
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

double MovingHost::speed() const {
  switch (movement_.how) {
    case Moving::kHeat:
      return 1 - movement_.amount * std::clamp((temperature_ - kWarm) / (kHot - kWarm), 0.0, 1.0);
    case Moving::kThrottle:
      return 1 - movement_.amount * ((temperature_ > kFirst ? 0.5 : 0) + (temperature_ > kSecond ? 0.5 : 0));
    case Moving::kWave:
      return 1 + movement_.amount *
                     std::sin(2 * std::numbers::pi * (now_ / movement_.seconds + movement_.extent));
    case Moving::kSquareWave: {
      const double place = now_ / movement_.seconds + movement_.extent;
      return place - std::floor(place) < 0.5 ? 1 + movement_.amount : 1 - movement_.amount;
    }
    case Moving::kTwoWaves: {
      const auto wave = [](double turns) { return std::sin(2 * std::numbers::pi * turns); };
      return 1 + movement_.amount / 2 *
                     (wave(now_ / movement_.seconds + movement_.extent) + wave(now_ / movement_.length));
    }
    case Moving::kNeighbour:
      return neighbour_ ? 1 - movement_.amount : 1;
    case Moving::kLeak:
      return 1 / (1 + movement_.amount * now_);
    default:
      return 1;
  }
}

double MovingHost::prefill() const {
  if (movement_.how != Moving::kWarmCache && movement_.how != Moving::kEviction) return 1;
  return 1 + (movement_.amount - 1) * std::exp(-served_ / movement_.extent);
}

double MovingHost::stalled(double begin, double end) const {
  if (movement_.how != Moving::kStall) return 0;
  const double before = movement_.extent * movement_.seconds;
  const double stall =
      std::ceil((begin - before - movement_.length) / movement_.seconds) * movement_.seconds + before;
  if (stall >= end) return 0;
  return std::min(movement_.length, stall + movement_.length - begin);
}

double lasting_speed(const Movement& movement, double load) {
  switch (movement.how) {
    case Moving::kHeat:
    case Moving::kThrottle:
      return load > movement.extent ? 1 - movement.amount : 1;
    case Moving::kNeighbour:
      return 1 - movement.amount * movement.seconds / (movement.seconds + movement.extent);
    case Moving::kStall:
      return 1 - movement.length / movement.seconds;
    default:
      return 1;
  }
}

}  // namespace kneepoint::method
