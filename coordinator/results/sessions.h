#pragma once

#include <optional>

#include "coordinator/results/model.h"

/// What the sessions of a row do: slots that think between two requests of theirs.
namespace kneepoint::coordinator {

/// Requests in flight: as asked for where the load counts them, else as held on average.
inline double requests_in_flight(const Step& step) {
  return step.load_kind() == LoadKind::kRequests ? step.concurrency : step.achieved_concurrency.value_or(0);
}

/// Mean number of sessions that are open: in flight, thinking, or backing off. One that has several turns
/// under way counts once. Absent where nobody thinks.
inline std::optional<double> open_sessions(const Step& step) {
  if (!step.thinking) return std::nullopt;
  return *step.thinking + step.achieved_concurrency.value_or(0) + step.backing_off.value_or(0) -
         step.beside.value_or(0);
}

/// The share of them, or of their lanes, that thinks. Absent where nobody does.
inline std::optional<double> think_ratio(const Step& step) {
  const auto open = open_sessions(step);
  if (!open || *open <= 0) return std::nullopt;
  return *step.thinking / (*open + step.beside.value_or(0));
}

}  // namespace kneepoint::coordinator
