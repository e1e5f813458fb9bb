#include "tests/method/moving_cases.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/method/queue_fleet.h"

namespace kneepoint::method {
namespace {

const std::vector<std::uint32_t> kSteps = {1, 2, 4, 8, 16, 32, 64, 128, 256};

/// Draws parameters: each from a range, one after the other.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed * 2654435761u + 17) {}
  double uniform(double low, double high) { return low + (high - low) * random_.uniform(); }
  /// Alike in its logarithm.
  double scale(double low, double high) { return low * std::pow(high / low, random_.uniform()); }

 private:
  Random random_;
};

Case hard(std::string name, Moving how, std::vector<std::string> kinds, double undecided) {
  Case of{.name = std::move(name), .max = 512, .kinds = std::move(kinds), .undecided = undecided};
  of.model.movement.how = how;
  of.bottlenecks = {"queue_slots"};
  return of;
}

/// @param model that does not move yet.
Movement draw_movement(Moving how, const QueueModel& model, Draw& draw) {
  Movement m{.how = how};
  switch (how) {
    case Moving::kNot:
      break;
    case Moving::kHeat:
      // Where less of its speed is left than 58 %, half of the load gives as much as all of it.
      m.amount = draw.uniform(0.2, 0.42);
      m.seconds = draw.uniform(30, 90);
      m.extent = draw.uniform(0.1, 0.3);
      break;
    case Moving::kSquareWave:
    case Moving::kWave:
      m.amount = draw.uniform(0.12, 0.25);
      m.seconds = draw.scale(20, 1200);
      m.extent = draw.uniform(0, 1);
      break;
    case Moving::kTwoWaves:
      m.amount = draw.uniform(0.15, 0.3);
      m.seconds = draw.scale(20, 200);
      m.extent = draw.uniform(0, 1);
      m.length = m.seconds * draw.uniform(2.3, 5.5);
      break;
    case Moving::kAutoscale:
      m.seconds = draw.uniform(10, 120);
      break;
    case Moving::kWarmCache:
      m.amount = draw.uniform(2.5, 5);
      m.extent = draw.scale(1500, 12'000);
      break;
    case Moving::kTokenBucket: {
      const double full = model.throughput(model.slots) / model.mean_length();
      m.amount = full * draw.uniform(0.4, 0.8);
      m.extent = full * draw.scale(15, 150);
      break;
    }
    case Moving::kNeighbour:
      m.amount = draw.uniform(0.15, 0.4);
      m.seconds = draw.scale(8, 120);
      m.extent = m.seconds * draw.uniform(0.7, 2);
      break;
    case Moving::kStall:
      m.seconds = draw.uniform(20, 60);
      m.extent = draw.uniform(0, 1);
      m.length = draw.uniform(0.7, 1.5);
      break;
    case Moving::kPodLeaves:
      m.seconds = draw.uniform(150, 700);
      break;
    case Moving::kThrottle:
      m.amount = draw.uniform(0.2, 0.42);
      m.seconds = draw.uniform(30, 90);
      m.extent = draw.uniform(0.1, 0.3);
      break;
    case Moving::kQuota:
      m.amount = model.throughput(model.slots) / model.mean_length() * draw.uniform(0.4, 0.8);
      break;
    case Moving::kEviction:
      m.amount = draw.uniform(2.5, 5);
      m.extent = draw.scale(1500, 6000);
      m.seconds = draw.uniform(900, 2000);
      break;
    case Moving::kLeak:
      m.amount = draw.uniform(0.5, 1.5) / 3600;
      break;
  }
  return m;
}

}  // namespace

std::vector<Case> moving_cases() {
  std::vector<Case> cases;
  cases.push_back(hard("heat", Moving::kHeat, {"heat", "stepped", "drifting"}, 0.2));
  cases.push_back(hard("wave", Moving::kWave, {"periodic"}, 0.5));
  cases.push_back(hard("autoscale", Moving::kAutoscale, {"stepped"}, 0.2));
  cases.push_back(hard("warm cache", Moving::kWarmCache, {"warming"}, 0.2));
  cases.back().soft = true;
  cases.back().max = 1024;
  cases.back().bottlenecks = {};
  cases.push_back(hard("token bucket", Moving::kTokenBucket, {"burst"}, 0.2));
  cases.back().bottlenecks = {"admission"};
  cases.push_back(hard("noisy neighbour", Moving::kNeighbour, {"wandering", "stepped", "periodic"}, 0.5));
  cases.push_back(hard("periodic stall", Moving::kStall, {"stalls", "periodic"}, 0.2));
  cases.push_back(hard("slow leak", Moving::kLeak, {"drifting"}, 0.2));
  const std::size_t searches = cases.size();
  for (std::size_t i = 0; i < searches; ++i) {
    Case ramp = cases[i];
    ramp.name += ", ramp";
    ramp.steps = kSteps;
    ramp.undecided = 1;
    cases.push_back(std::move(ramp));
  }
  return cases;
}

std::vector<Case> neighbour_cases() {
  std::vector<Case> cases;
  cases.push_back(hard("pod leaves", Moving::kPodLeaves, {"stepped"}, 0.2));
  cases.push_back(hard("two throttles", Moving::kThrottle, {"heat", "stepped", "drifting"}, 0.2));
  cases.push_back(
      hard("minute quota", Moving::kQuota, {"burst", "periodic", "stalls", "wandering", "stepped"}, 1));
  cases.back().bottlenecks = {"admission"};
  cases.push_back(hard("evicted cache", Moving::kEviction, {"warming", "wandering", "stepped"}, 1));
  cases.back().soft = true;
  cases.back().max = 1024;
  cases.back().bottlenecks = {};
  cases.push_back(hard("square wave", Moving::kSquareWave, {"periodic"}, 0.5));
  cases.push_back(hard("two waves", Moving::kTwoWaves, {"periodic"}, 0.5));
  cases.push_back(hard("soft wave", Moving::kWave, {"periodic"}, 0.5));
  cases.back().soft = true;
  cases.back().max = 1024;
  cases.back().bottlenecks = {};
  return cases;
}

Case drawn(const Case& of, std::uint64_t seed) {
  Case one = of;
  if (!of.moves()) return one;
  Draw draw(seed);
  QueueModel& model = one.model;
  const Moving how = std::exchange(model.movement.how, Moving::kNot);
  if (of.soft) {
    // Soft: what a request's prefill costs is most of what more load costs, so that warming moves the knee.
    model.slots = 100'000;
    model.base = 0.010;
    model.per_request = draw.uniform(0.0003, 0.0006);
    model.prefill = model.mean_length() * draw.uniform(0.0003, 0.0005);
  } else {
    model.slots = static_cast<std::uint32_t>(draw.uniform(24, 72));
    model.base = draw.uniform(0.015, 0.030);
  }
  model.movement = draw_movement(how, model, draw);
  return one;
}

bool named_rightly(const Case& of, const std::optional<coordinator::Movement>& found, double seconds) {
  if (!found || found->kind.empty()) return false;
  const Movement& movement = of.model.movement;
  const bool wave = movement.how == Moving::kWave || movement.how == Moving::kSquareWave;
  if (wave && 2 * movement.seconds > seconds) return true;
  return std::find(of.kinds.begin(), of.kinds.end(), found->kind) != of.kinds.end();
}

}  // namespace kneepoint::method
