#include "coordinator/words/health.h"

#include <fmt/format.h>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {

std::string absence(const Absence& absence) {
  const std::string who = absence.replica.empty()
                              ? "the host"
                              : fmt::format("{}, one of {} replicas,", absence.replica, absence.replicas);
  const std::string at = format_run_time(absence.begin);
  if (absence.silent)
    return fmt::format("{} stopped answering at {}: nothing came since, and connections stayed open", who,
                       at);
  const std::string failed =
      fmt::format("{} of {} requests {}failed ({})", absence.failed, absence.failed,
                  absence.ended || !absence.ever_answered ? "" : "since ", absence.kinds);
  if (absence.ended) {
    return fmt::format("{} gave {} from {} to {}: {}", who,
                       absence.with_errors ? "nothing but errors" : "no answer", at,
                       format_run_time(absence.end), failed);
  }
  if (!absence.ever_answered)
    return fmt::format("{} never answered{}: {}", who, absence.with_errors ? " but with errors" : "", failed);
  return fmt::format("{} {} at {}: {}", who,
                     absence.with_errors ? "began to answer with nothing but errors" : "stopped answering",
                     at, failed);
}

std::string absence_ended(const std::string& absence) {
  return absence +
         "; it was restarted, or the way to it was broken, and rows before and after need not be of the same "
         "host";
}

std::string engine_restarted(std::int64_t second) {
  return fmt::format(
      "the engine was restarted by {}, as its counters show: rows before and after are not of the same "
      "process",
      format_run_time(second));
}

}  // namespace kneepoint::coordinator::words
