#pragma once

#include <optional>
#include <string>

#include "coordinator/results/model.h"

/// Where throughput stops growing, and what is not plain about its curve: sentences, but where it says
/// clause.
namespace kneepoint::coordinator::words {

/// How throughput changed from one load to a higher one, of 1.
struct ThroughputGain {
  double from = 0, to = 0;
  double value = 0, lower = 0, upper = 0;
  bool fitted = false;  ///< One of the two is of a fit, and not of one row.
};
/// "from 16 to 64 throughput changed by +1.3 % (-0.2 to +2.9 %)": a clause.
std::string gain_between(const ThroughputGain& gain);

std::string saturates_from(LoadKind kind, double load, const ThroughputGain& last);
std::string saturated_at_the_least(LoadKind kind, double least, const ThroughputGain& last);
std::string saturates_between(LoadKind kind, const Interval& between, const ThroughputGain& last);
std::string one_load_only(LoadKind kind);
std::string two_loads_only(const ThroughputGain& last);
/// @param above Saturation surely lies above it.
std::string not_reached(LoadKind kind, std::optional<double> above, double top, const ThroughputGain& last);
std::string nothing_to_say();
/// Behind a saturation point in sessions. @param in_flight With an interval. @param thinking Of the sessions.
std::string sessions_hold(const Estimate& in_flight, std::optional<double> thinking);
std::string sessions_hold_between(const Interval& in_flight);

/// A throughput at a load.
struct CurvePoint {
  double load = 0, throughput = 0;
  bool fitted = false;
};
/// @param unit "tok/s" @param moved The host did; else it was measured once.
std::string lower_with_more_load(const CurvePoint& low, const CurvePoint& peak, const char* unit, bool moved);
std::string collapses(const CurvePoint& low, const CurvePoint& peak, const char* unit);
std::string two_peaks(const CurvePoint& before, const CurvePoint& low, const CurvePoint& after,
                      const char* unit);
/// @param percentile "p95"
std::string cliff(const char* percentile, double from, const Step& below, double to, const Step& above);

/// Of a soak: how long, and how much of it is valid.
struct SoakLength {
  std::uint32_t concurrency = 0;
  double seconds = 0, bin_seconds = 0;
  std::size_t valid = 0, bins = 0;
};
std::string too_few_valid_bins(std::size_t valid, std::size_t all);
std::string soaked(const SoakLength& length);
std::string too_few_bins();
/// "throughput +0.12 % (-0.30 to +0.54)": a clause.
std::string trend(const HourlyTrend& trend);
std::string trends(const std::vector<std::string>& trends);
std::string no_drift();
std::string drifts(const std::vector<std::string>& quantities);
std::string memory_grows();

/// Behind the explanation of a ramp or a search that did not come to its end. @param why A clause.
std::string ramp_ended_early(bool search, const std::string& why);

}  // namespace kneepoint::coordinator::words
