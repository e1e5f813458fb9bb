#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// Keeps a host under full load until it holds still: what heats up, fills a cache, asks for another pod or
/// spends an allowance does so under load, and rows from before are of another host. One row where nothing
/// moves; where it goes on moving one way, further ones.
class HoldRounds {
 public:
  /// The load to hold, given all rows so far; none when the host holds still, or moves by turns.
  /// @param wanted the load to begin with: past saturation, and measured before if possible.
  std::optional<double> next(const std::vector<Step>& rows, double wanted);
  bool begun() const { return !held_.empty(); }
  const std::vector<std::size_t>& held() const { return held_; }
  /// The row that was asked for last.
  void add(std::size_t index) { held_.push_back(index); }

 private:
  bool goes_on(const std::vector<Step>& rows) const;

  std::optional<double> load_;
  std::vector<std::size_t> held_;  // of the rows
};

}  // namespace kneepoint::coordinator
