#pragma once

#include <cstddef>
#include <string>

/// A host that did not stay as it was: sentences. Times are in seconds since the run's zero, a ratio is of
/// throughput after over before.
namespace kneepoint::coordinator::words {

/// @param load "32 requests in flight" @param unit "tok/s"
std::string burst(double from, const std::string& load, double lasting, double requests, double most,
                  const char* unit);
std::string stalls(std::size_t count, double apart);
std::string turns(double amplitude, double period);
std::string warms_up(double ratio, double from, double half_within);
std::string drifts(double ratio, double within);
std::string changed(double ratio, double since);
/// @param label "32"
std::string changed_within(const std::string& label, double ratio, double since);
std::string heats_up();
/// @param most Relative.
std::string wanders(double most);

}  // namespace kneepoint::coordinator::words
