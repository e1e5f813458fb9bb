#pragma once

#include "coordinator/controllers/controller.h"

namespace kneepoint::coordinator {

/// Moves the load of one cell evenly from one value to another, in requests in flight or in an arrival rate,
/// and measures it in rows without gaps.
///
///   pending -> warm-up (at the first value) -> hold (a window a row) -> drain -> done
///
/// The whole way is one level, which the agents follow by themselves: it does not wait for anybody here.
class LinearController final : public Controller {
 public:
  static constexpr Nanos kLead = std::chrono::milliseconds(400);

  /// @param ramp with `linear`: its steps are the rows.
  LinearController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch);

  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) override;
  void level_done(std::uint64_t, Nanos) override {}  // it has no budget
  void measured(std::size_t, const Step&) override {}
  void interrupt(Nanos now, bool agent_lost) override;

  Phase phase() const override { return phase_; }
  std::uint64_t next_epoch() const override { return epoch_; }
  const std::vector<StepWindow>& windows() const override { return windows_; }
  std::size_t step_index() const override { return windows_.size(); }
  std::size_t step_count() const override { return ramp_.step_count(); }
  std::uint32_t concurrency() const override;
  std::optional<double> rate() const override;
  std::optional<Nanos> time_left(Nanos now) const override;

 private:
  LoadLevel next_level(Nanos effective_at);
  LoadLevel first_value(Nanos at);
  LoadLevel way();
  Nanos begin_of(std::size_t row) const;
  void close_row(Nanos end);
  /// Of the load commanded at the last call of next().
  double load() const;

  Cell cell_;
  Ramp ramp_;
  std::uint64_t epoch_;
  Phase phase_ = Phase::kPending;
  LoadLevel level_;
  Nanos begin_{0};  // of the way
  Nanos now_{0};
  bool stopping_ = false;
  std::vector<StepWindow> windows_;
};

}  // namespace kneepoint::coordinator
