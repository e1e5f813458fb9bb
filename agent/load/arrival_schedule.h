#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/clock.h"
#include "common/dataset.h"
#include "common/plan.h"

namespace kneepoint::agent {

/// The instants at which an open-loop level's requests are due, over the whole fleet: a pure function of the
/// process and the seed, so that every thread of every agent sees the same ones and picks out its own.
class ArrivalSchedule {
 public:
  /// @param seed of the level. @param trace whose arrivals to replay, for ArrivalProcess::Kind::kTrace; its
  /// times are multiplied by `time_scale`.
  ArrivalSchedule(const ArrivalProcess& process, std::uint64_t seed,
                  std::shared_ptr<const Dataset> trace = nullptr, double time_scale = 1);

  /// The next arrival's instant, since the level took effect; never earlier than the one before. Absent at
  /// the end of a trace.
  std::optional<Nanos> next();

 private:
  double gap();
  Nanos due_after(double mean_gaps) const;

  ArrivalProcess process_;
  std::uint64_t seed_;
  std::shared_ptr<const Dataset> trace_;
  double time_scale_;
  std::uint64_t index_ = 0;  // of the next arrival
  double mean_gaps_ = 0;     // the sum of the gaps so far, in units of the mean gap where they fall
};

}  // namespace kneepoint::agent
