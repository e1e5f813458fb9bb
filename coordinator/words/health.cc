#include "coordinator/words/health.h"

#include <fmt/format.h>

#include "coordinator/results/units.h"
#include "coordinator/words/failures.h"

namespace kneepoint::coordinator::words {

std::string absence_in_short(const Absence& absence) {
  const std::string who = absence.replica.empty()
                              ? "the host"
                              : fmt::format("replica {}, one of {},", absence.replica, absence.replicas);
  const std::string at = format_run_time(absence.begin);
  if (absence.silent) return fmt::format("{} stopped answering at {}", who, at);
  if (absence.ended) {
    return fmt::format("{} gave {} from {} to {}", who,
                       absence.with_errors ? "nothing but errors" : "no answer", at,
                       format_run_time(absence.end));
  }
  if (!absence.ever_answered)
    return fmt::format("{} never answered{}", who, absence.with_errors ? " but with errors" : "");
  return fmt::format("{} {} at {}", who,
                     absence.with_errors ? "began to answer with nothing but errors" : "stopped answering",
                     at);
}

std::string absence(const Absence& absence) {
  const std::string text = absence_in_short(absence);
  if (absence.silent) return text + ": nothing came since, and connections stayed open";
  return fmt::format(
      "{}: {} {}failed ({})", text,
      absence.failed == 1 ? "the only request" : fmt::format("all {} requests", absence.failed),
      absence.ended || !absence.ever_answered ? "" : "since then ", kinds_in_short(absence.kinds));
}

std::string absence_ended(const std::string& absence) {
  return absence + "; rows before and after may not be of the same process";
}

std::string engine_restarted(std::int64_t second) {
  return fmt::format(
      "the engine was restarted by {}, as its counters show: rows before and after are not of the same "
      "process",
      format_run_time(second));
}

}  // namespace kneepoint::coordinator::words
