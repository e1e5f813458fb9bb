#pragma once

#include <cstdint>
#include <string>

#include "coordinator/results/model.h"

/// A host that was gone, or an engine that began anew: clauses. Seconds are since the run's zero.
namespace kneepoint::coordinator::words {

/// A stretch of time in which a host gave nothing.
struct Absence {
  std::string replica;  ///< Its name, where one of several is meant; empty: the whole host.
  std::size_t replicas = 1;
  std::int64_t begin = 0, end = 0;
  bool ended = false;         ///< It came back.
  bool ever_answered = true;  ///< Before that.
  bool silent = false;        ///< No request failed: nothing came any more.
  bool with_errors = false;   ///< It answered, and with nothing but errors.
  std::uint64_t failed = 0;
  RequestCounts kinds;  ///< Of those that failed.
};

/// "the host stopped answering at 03:12"
std::string absence_in_short(const Absence& absence);
/// The same with what it is known by: "…: all 40 requests since then failed (not connected)".
std::string absence(const Absence& absence);
/// What a host that came back is worth.
std::string absence_ended(const std::string& absence);
std::string engine_restarted(std::int64_t second);

}  // namespace kneepoint::coordinator::words
