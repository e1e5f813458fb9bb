#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "coordinator/controllers/step_runner.h"
#include "coordinator/controllers/steps.h"

namespace kneepoint::coordinator::scenes {

using namespace std::chrono_literals;

inline Ramp timed(std::vector<std::uint32_t> steps) {
  return {.steps = std::move(steps), .warmup = 2s, .hold = 8s};
}

/// Drives a controller in virtual time, 50 ms a tick, until it is done or `limit` has passed.
struct Drive {
  explicit Drive(const Ramp& ramp, Workload workload = {})
      : controller(Cell{.id = 3, .workload = std::move(workload)}, std::make_unique<FixedSteps>(ramp), 7) {}

  void until(Nanos limit) {
    for (; now < limit && !controller.done(); now += 50ms) {
      if (auto level = controller.next(now, fleet)) levels.push_back({now, *level});
      fleet.idle = controller.phase() == Phase::kDrain;
    }
  }

  struct Sent {
    Nanos at;
    LoadLevel level;
  };
  StepRunner controller;
  FleetView fleet{.residence = 600ms};
  Nanos now{0};
  std::vector<Sent> levels;
};

}  // namespace kneepoint::coordinator::scenes
