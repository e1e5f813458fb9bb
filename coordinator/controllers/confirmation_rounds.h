#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Measures again what a ramp or a search found, with the ends of its interval and not its point: at the true
/// knee twice the load gives 1/0.95 by definition, so that a test there fails half of the time.
///
/// Each round is mirrored, up (L, H, 2L, 2H) and down again, so that what the host does in time cancels in
/// the ratios. One round, two looks; another where the looks disagree; and again with other ends where the
/// interval has moved away from those that were looked at.
class ConfirmationRounds {
 public:
  struct Visit {
    double load = 0;
    Look look;
  };
  /// What may be asked for.
  struct Bounds {
    double lowest = 1, highest = 1;
    bool whole = true;  ///< Requests in flight, not a rate.
  };

  explicit ConfirmationRounds(const Bounds& bounds) : bounds_(bounds) {}

  /// The next load to visit, given all rows so far, those visited before among them; none when there is
  /// nothing more to learn.
  std::optional<Visit> next(const std::vector<Step>& rows);
  /// The last round surely showed something else: what was found is not so, or not so any more.
  bool contradicted() const { return contradicted_; }

 private:
  bool choose_ends(const std::vector<Step>& rows);
  void plan_round(const std::vector<Step>& rows);
  double measured_near(const std::vector<Step>& rows, double load, int outwards = 0) const;

  Bounds bounds_;
  std::optional<Look> ends_;
  std::deque<Visit> planned_;
  std::size_t rounds_ = 0;  // of these ends
  std::size_t moves_ = 0;   // of the ends
  bool contradicted_ = false;
};

}  // namespace kneepoint::coordinator
