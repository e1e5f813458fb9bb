#include "coordinator/results/units.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>

namespace kneepoint::coordinator {
namespace {

/// Three significant digits, never an exponent.
std::string three_digits(double value) {
  const double magnitude = std::abs(value);
  if (magnitude >= 99.95) return fmt::format("{:.0f}", value);
  if (magnitude >= 9.995) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

struct Unit {
  double seconds;
  std::string_view name;
};

Unit unit_for(double seconds) {
  if (seconds < 0.9995e-3) return {1e-6, "µs"};
  if (seconds < 0.9995) return {1e-3, "ms"};
  return {1, "s"};
}

}  // namespace

std::string format_time(double seconds) {
  // What a server says that counts whole milliseconds, say; or what is left of two equal sums.
  if (std::abs(seconds) < 5e-9) return "0 s";
  if (seconds >= 600) {
    const auto whole = std::llround(seconds);
    return fmt::format("{} min {} s", whole / 60, whole % 60);
  }
  const Unit unit = unit_for(seconds);
  return fmt::format("{} {}", three_digits(seconds / unit.seconds), unit.name);
}

std::string format_share(double ratio) {
  const double percent = ratio * 100;
  if (percent < 9.5) return fmt::format("{:.2g}", percent);
  return ratio < 1 && percent >= 99.5 ? "over 99" : fmt::format("{:.0f}", percent);
}

std::string format_change(double ratio) {
  std::string text = fmt::format("{:+.1f}", ratio * 100);
  return text == "-0.0" ? "+0.0" : text;
}

std::string format_run_time(std::int64_t second) {
  const std::int64_t hours = second / 3600, minutes = second / 60 % 60, seconds = second % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, seconds)
                   : fmt::format("{:02}:{:02}", minutes, seconds);
}

std::string format_figure(double value) {
  if (std::abs(value) < 999.5) {
    return value == std::floor(value) ? fmt::format("{:.0f}", value) : three_digits(value);
  }
  std::string digits = fmt::format("{:.0f}", value);
  const std::size_t first = digits.front() == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string format_bytes(double bytes) {
  constexpr double kMebi = 1024.0 * 1024.0, kGibi = 1024 * kMebi;
  return bytes < kGibi ? fmt::format("{} MiB", three_digits(bytes / kMebi))
                       : fmt::format("{} GiB", three_digits(bytes / kGibi));
}

std::string format_estimate(const Estimate& estimate) {
  if (!estimate.value && estimate.ci95)
    return fmt::format("{} to {}", format_figure(estimate.ci95->low), format_figure(estimate.ci95->high));
  if (!estimate.value) return std::string(kAbsent);
  if (!estimate.ci95) return format_figure(*estimate.value);
  return fmt::format("{} ± {}", format_figure(*estimate.value),
                     format_figure(estimate.ci95->high - *estimate.value));
}

std::string format_time(const std::optional<double>& seconds) {
  return seconds ? format_time(*seconds) : std::string(kAbsent);
}

std::string format_percentile(const std::optional<double>& seconds, std::uint64_t count) {
  if (seconds) return format_time(*seconds);
  return count == 0 ? std::string(kAbsent) : fmt::format("n/a (n={})", count);
}

std::string format_mean_sd(const LatencySummary& latency) {
  if (!latency.mean) return std::string(kAbsent);
  if (!latency.stddev) return format_time(*latency.mean);
  const Unit unit = unit_for(*latency.mean);
  return fmt::format("{} ± {} {}", three_digits(*latency.mean / unit.seconds),
                     three_digits(*latency.stddev / unit.seconds), unit.name);
}

std::string format_load(LoadKind kind, double load) {
  const std::string figure = format_figure(load);
  const char* const plural = load == 1 ? "" : "s";
  if (kind == LoadKind::kRate) return fmt::format("{} request{} per second", figure, plural);
  if (kind == LoadKind::kSessionRate) return fmt::format("{} session{} per second", figure, plural);
  if (kind == LoadKind::kUsers) return fmt::format("{} session{}", figure, plural);
  return fmt::format("{} request{} in flight", figure, plural);
}

std::string load_name(LoadKind kind) {
  return is_rate(kind) ? "rate" : kind == LoadKind::kUsers ? "sessions" : "concurrency";
}

std::string load_label(LoadKind kind, double load) {
  return format_figure(load) + (kind == LoadKind::kRate ? "/s" : "");
}

std::string load_label(const Step& step) {
  if (step.offered_rate) return load_label(LoadKind::kRate, *step.offered_rate);
  return fmt::format("{}", step.concurrency);
}

std::string row_label(const Step& step) {
  return step.attempt > 1 ? fmt::format("{} #{}", load_label(step), step.attempt) : load_label(step);
}

std::string pod_label(const PodFigures& pod) {
  return pod.rank ? fmt::format("rank {} of {}", *pod.rank, pod.name) : pod.name;
}

std::string format_with_interval(double value, const std::optional<Interval>& interval) {
  if (!interval) return format_figure(value);
  return fmt::format("{} ({} to {})", format_figure(value), format_figure(interval->low),
                     format_figure(interval->high));
}

std::string format_utc(RealTime at) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

std::optional<RealTime> parse_utc(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  // Four digits reach further than nanoseconds do.
  constexpr int kLastYear = 2200;
  if (parts.tm_year + 1900 < 1970 || parts.tm_year + 1900 > kLastYear) return std::nullopt;
  return RealTime(std::chrono::seconds(timegm(&parts)));
}

}  // namespace kneepoint::coordinator
