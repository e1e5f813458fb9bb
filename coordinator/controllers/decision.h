#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.h"

namespace kneepoint::coordinator {

/// What a controller decided next, and what it knew of time when it did. Together with the rows that is all
/// that a schedule decides from, so that a run whose coordinator is gone can be decided again up to its last
/// closed row.
struct Decision {
  std::uint32_t controller = 0;  ///< Of those that the run has had, counted from 0.
  std::size_t rows = 0;          ///< Closed by all of them before it.
  Nanos elapsed{0};              ///< As TimeFrame.
  std::optional<Nanos> cycle;
  double load = 0;        ///< Of the step that it began (PlannedStep::load).
  bool again = false;     ///< It runs a step again that lost an agent.
  bool ended = false;     ///< It began none: nothing was left to measure, or …
  std::string cut_short;  ///< … this is why it ended before that.
  bool given_up = false;  ///< Because its target was down.
};

}  // namespace kneepoint::coordinator
