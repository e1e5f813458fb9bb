#include "coordinator/controllers/hold_rounds.h"

#include <algorithm>
#include <cmath>

#include "coordinator/results/throughput.h"
#include "coordinator/verdict/revisits.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kMostRows = 24;
/// From one row to the next a host that still moves one way moves by more than this.
constexpr double kStep = 0.01;
constexpr double kFall = 0.03;  ///< Slower: what leaks does so for ever, and slowly.
constexpr double kSure = 2;

}  // namespace

std::optional<double> HoldRounds::next(const std::vector<Step>& rows, double wanted) {
  if (!load_) load_ = wanted;
  if (held_.empty() || (held_.size() < kMostRows && goes_on(rows))) return load_;
  return std::nullopt;
}

bool HoldRounds::goes_on(const std::vector<Step>& rows) const {
  if (rows[held_.back()].speed) return false;  // it moves by turns, and that is allowed for
  std::vector<const Step*> visits;             // the last one from before, then those held
  for (std::size_t i = 0; i < held_.front(); ++i) {
    if (rows[i].load() == *load_ && throughput_of(rows[i]).value.value_or(0) > 0) visits.assign(1, &rows[i]);
  }
  for (const std::size_t i : held_) {
    if (throughput_of(rows[i]).value.value_or(0) <= 0) return false;
    visits.push_back(&rows[i]);
  }
  const std::size_t n = visits.size();
  const auto change = [&](std::size_t from, std::size_t to) {
    return std::log(*throughput_of(*visits[to]).value / *throughput_of(*visits[from]).value);
  };
  // It was still moving within the last row, or refused in a part of it: what comes next is not known.
  if (rows[held_.back()].has_flag("DRIFTING") || rows[held_.back()].has_flag("UNSTEADY")) return true;
  if (n < 2) return false;
  const double error = std::hypot(relative_error(*visits[n - 2]), relative_error(*visits[n - 1]));
  const double last = change(n - 2, n - 1);
  const bool moved = (last > 0 ? last > kStep : -last > kFall) && std::abs(last) > kSure * error;
  if (n == 2) return std::abs(last) > kStill && moved;
  // A slow approach shows over two rows before it does over one.
  const double two = change(n - 3, n - 1);
  const bool one_way = last * change(n - 3, n - 2) > 0 || std::abs(last) < kStep;
  return one_way && (moved || two > 1.5 * kStep);
}

}  // namespace kneepoint::coordinator
