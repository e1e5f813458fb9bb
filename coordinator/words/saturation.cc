#include "coordinator/words/saturation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/plural.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

std::string throughput_at(const CurvePoint& point, const char* unit) {
  return fmt::format("{} {}{} at {}", format_figure(point.throughput), unit, point.fitted ? " (fitted)" : "",
                     format_figure(point.load));
}

}  // namespace

std::string gain_between(const ThroughputGain& gain) {
  return fmt::format("from {} to {} {}throughput changed by {} % ({} to {} %)", format_figure(gain.from),
                     format_figure(gain.to), gain.fitted ? "fitted " : "", format_change(gain.value),
                     format_change(gain.lower), format_change(gain.upper));
}

std::string saturates_from(LoadKind kind, double load, const ThroughputGain& last) {
  return fmt::format("From {} on, doubling the load adds less than 5 %: {}.", format_load(kind, load),
                     gain_between(last));
}

std::string saturated_at_the_least(LoadKind kind, double least, const ThroughputGain& last) {
  return fmt::format(
      "At {}, the least that was measured, doubling the load adds less than 5 % already: {}. Saturation lies "
      "there or below; begin the ramp lower.",
      format_load(kind, least), gain_between(last));
}

std::string saturates_between(LoadKind kind, const Interval& between, const ThroughputGain& last) {
  return fmt::format("Somewhere between {} and {} doubling the load begins to add less than 5 %: {}.",
                     format_figure(between.low), format_load(kind, between.high), gain_between(last));
}

std::string one_load_only(LoadKind kind) {
  return fmt::format("Only one {} was measured validly: saturation takes three or more.", load_name(kind));
}

std::string two_loads_only(const ThroughputGain& last) {
  return fmt::format("Only two loads were measured validly: {}. Saturation takes three or more.",
                     gain_between(last));
}

std::string not_reached(LoadKind kind, std::optional<double> above, double top, const ThroughputGain& last) {
  return fmt::format(
      "{}; {}. Scan to {} or more: a saturation point shows only once twice its load was measured.",
      above ? "Not reached: saturation lies above " + format_load(kind, *above)
            : "Not found: no load is surely below saturation",
      gain_between(last), format_load(kind, 2 * top));
}

std::string nothing_to_say() {
  return "No step is valid: nothing can be said about saturation.";
}

std::string sessions_hold(const Estimate& in_flight, std::optional<double> thinking) {
  const std::string held =
      fmt::format("They hold {} requests in flight ({} to {})", format_figure(*in_flight.value),
                  format_figure(in_flight.ci95->low), format_figure(in_flight.ci95->high));
  return thinking ? fmt::format("{}; {:.0f} % of them think.", held, *thinking * 100) : held + ".";
}

std::string sessions_hold_between(const Interval& in_flight) {
  return fmt::format("They hold {} to {} requests in flight.", format_figure(in_flight.low),
                     format_figure(in_flight.high));
}

std::string lower_with_more_load(const CurvePoint& low, const CurvePoint& peak, const char* unit,
                                 bool moved) {
  return fmt::format(
      "Throughput was lower with more load ({} after {}), but {}: it may be the load or the moment.",
      throughput_at(low, unit), throughput_at(peak, unit),
      moved ? "the host moved" : "that was measured once");
}

std::string collapses(const CurvePoint& low, const CurvePoint& peak, const char* unit) {
  return fmt::format("Throughput collapses: {} after {}.", throughput_at(low, unit),
                     throughput_at(peak, unit));
}

std::string two_peaks(const CurvePoint& before, const CurvePoint& low, const CurvePoint& after,
                      const char* unit) {
  return fmt::format(
      "Throughput falls and rises again ({}, {}, {}): the curve has two peaks, and no single concurrency "
      "describes it.",
      throughput_at(before, unit), throughput_at(low, unit), throughput_at(after, unit));
}

std::string cliff(const char* percentile, double from, const Step& below, double to, const Step& above) {
  return fmt::format("TTFT falls off a cliff: {} {} at {}, {} at {}.", percentile, format_time(from),
                     load_label(below), format_time(to), load_label(above));
}

std::string too_few_valid_bins(std::size_t valid, std::size_t all) {
  return fmt::format("only {} of {} bins {} valid, too few for a trend.", valid, all, is_or_are(valid));
}

std::string soaked(const SoakLength& length) {
  const std::string bins = length.valid == length.bins
                               ? fmt::format("all {}", plural(length.bins, "bin"))
                               : fmt::format("{} of {} bins", length.valid, length.bins);
  return fmt::format("{} held for {}; {} of {} {} valid.",
                     format_load(LoadKind::kRequests, length.concurrency), format_time(length.seconds), bins,
                     format_time(length.bin_seconds), is_or_are(length.valid));
}

std::string too_few_bins() {
  return "Too few bins for a trend.";
}

std::string trend(const HourlyTrend& trend) {
  return fmt::format("{} {:+.2f} % ({:+.2f} to {:+.2f})", trend.name, *trend.ratio * 100,
                     trend.ci95->low * 100, trend.ci95->high * 100);
}

std::string trends(const std::vector<std::string>& trends) {
  return fmt::format("Trends an hour: {}.", fmt::join(trends, ", "));
}

std::string no_drift() {
  return "No drift: throughput moved by less than 3 %, TTFT p50 by less than 10 %, or by chance.";
}

std::string drifts(const std::vector<std::string>& quantities) {
  return fmt::format("The host drifts: {}.", fmt::join(quantities, " and "));
}

std::string memory_grows() {
  return "The agents' own memory grows.";
}

std::string ramp_ended_early(bool search, const std::string& why) {
  return fmt::format("The {} ended early: {}.", search ? "search" : "ramp", why);
}

}  // namespace kneepoint::coordinator::words
