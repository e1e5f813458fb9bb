#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/results/model.h"

/// How numbers look to a reader, in one place for every renderer.
namespace kneepoint::coordinator {

/// What stands where a figure is absent.
inline constexpr std::string_view kAbsent = "–";

/// Three significant digits and the unit that fits: "850 µs", "39.2 ms", "1.34 s", "12 min 5 s". @param
/// seconds ≥ 0.
std::string format_time(double seconds);
/// A share in percent: "0.31", "3", "42", of 0.42. "100" is all of it and nothing less.
std::string format_share(double ratio);
/// A relative change in percent, with a sign: "+4.3", of 0.043. Never "-0.0", which is none.
std::string format_change(double ratio);
/// Three to four significant digits without exponent: "0.42", "18.4", "1,330", "9,780".
std::string format_figure(double value);
/// A moment of a run as a clock shows it, minutes and seconds since its zero: "03:12", "1:03:12".
std::string format_run_time(std::int64_t second);
/// "18.4 ± 0.3", or the value alone without an interval; "303 to 602" where only a range is known, else "–".
std::string format_estimate(const Estimate& estimate);
/// "4.10 GiB"
std::string format_bytes(double bytes);
/// A latency, "–" where absent.
std::string format_time(const std::optional<double>& seconds);
/// A percentile: "n/a (n=12)" where there were too few requests for it, "–" where there were none.
std::string format_percentile(const std::optional<double>& seconds, std::uint64_t count);
/// "39.2 ± 1.1 ms": mean and standard deviation.
std::string format_mean_sd(const LatencySummary& latency);
/// "32 requests in flight", "32 sessions", "20 requests per second"
std::string format_load(LoadKind kind, double load);
/// "concurrency", "sessions", "rate"
std::string load_name(LoadKind kind);
/// "32", of a rate "20/s"
std::string load_label(const Step& step);
std::string load_label(LoadKind kind, double load);
/// The same of a row: "8 #2" where its load was measured before.
std::string row_label(const Step& step);
/// "10.0.0.7:8000", of a data parallel rank "rank 3 of 10.0.0.7:8000"
std::string pod_label(const PodFigures& pod);
/// "22.3 (16 to 32)"
std::string format_with_interval(double value, const std::optional<Interval>& interval);
/// ISO 8601 in UTC: "2026-11-21T19:45:55Z".
std::string format_utc(RealTime at);
/// The instant written by format_utc; absent where `text` is not one.
std::optional<RealTime> parse_utc(const std::string& text);

}  // namespace kneepoint::coordinator
