#pragma once

#include "coordinator/controllers/controller.h"

namespace kneepoint::coordinator {

/// Holds one level for hours, and measures it in equal bins, one after the other without a gap.
///
///   pending -> warm-up -> hold (a window a bin) -> drain -> done
class SoakController final : public Controller {
 public:
  static constexpr Nanos kLead = std::chrono::milliseconds(400);

  /// @param ramp with `soak`: one step and a hold.
  SoakController(const Cell& cell, const Ramp& ramp, std::uint64_t first_epoch);

  std::optional<LoadLevel> next(Nanos now, const FleetView& fleet) override;
  void level_done(std::uint64_t, Nanos) override {}  // a soak has no budget
  void measured(std::size_t, const Step&) override {}
  void interrupt(Nanos now, bool agent_lost) override;

  Phase phase() const override { return phase_; }
  std::uint64_t next_epoch() const override { return epoch_; }
  const std::vector<StepWindow>& windows() const override { return windows_; }
  std::size_t step_index() const override { return windows_.size(); }
  std::size_t step_count() const override { return bins_; }
  std::uint32_t concurrency() const override;
  std::optional<Nanos> time_left(Nanos now) const override;

 private:
  Nanos begin_of(std::size_t bin) const { return hold_begin_ + bin_ * static_cast<Nanos::rep>(bin); }
  void close_bin(Nanos end);

  Cell cell_;
  Ramp ramp_;
  std::uint64_t epoch_;
  Nanos bin_;
  std::size_t bins_;
  Phase phase_ = Phase::kPending;
  LoadLevel level_;
  Nanos hold_begin_{0};
  bool stopping_ = false;
  std::vector<StepWindow> windows_;
};

}  // namespace kneepoint::coordinator
