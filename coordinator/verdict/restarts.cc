#include "coordinator/verdict/restarts.h"
#include "coordinator/words/rows.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

namespace kneepoint::coordinator {
namespace {

/// Of one counter alone a fall may be a series that has gone.
constexpr std::size_t kFewestCounters = 2;
constexpr double kFallen = 0.5;
/// A page that shows one pod after the other is back at the first within so many readings.
constexpr std::size_t kReadingsAfter = 10;
constexpr std::size_t kFewestAfter = 2;

using Samples = std::vector<const TelemetrySample*>;

bool is_counter(Signal signal) {
  // Energy is a card's, and a bystander's counts are our own: they begin anew with a resumed run.
  const bool of_the_engine =
      signal != Signal::kGpuEnergy && (signal < Signal::kBystanderTtft || signal > Signal::kBystanderFailed);
  return signals()[static_cast<std::size_t>(signal)].counter && of_the_engine;
}

/// The counters of a page that fell between two readings, with what they had been.
SignalValues fallen(const TelemetrySample& before, const TelemetrySample& after) {
  SignalValues found;
  for (const auto& [signal, value] : before.values) {
    const auto now = after.values.find(signal);
    if (!is_counter(signal) || value <= 0 || now == after.values.end()) continue;
    if (now->second < kFallen * value) found[signal] = value;
  }
  return found;
}

/// How much later the process behind the page had begun, in seconds; absent where the page does not say.
std::optional<double> start_moved(const TelemetrySample& before, const TelemetrySample& after) {
  const auto then = before.values.find(Signal::kProcessStart);
  const auto now = after.values.find(Signal::kProcessStart);
  if (then == before.values.end() || now == after.values.end()) return std::nullopt;
  return now->second - then->second;
}

/// Clocks that are set right move a process's start by little.
constexpr double kClockSet = 2;

bool started_later(const TelemetrySample& before, const TelemetrySample& after) {
  return start_moved(before, after).value_or(0) > kClockSet;
}

bool same_process(const TelemetrySample& before, const TelemetrySample& after) {
  const auto moved = start_moved(before, after);
  return moved && std::abs(*moved) <= kClockSet;
}

/// Whether the process of an earlier reading is soon seen again: there are two of them.
bool seen_again(const Samples& readings, std::size_t from) {
  for (std::size_t i = from + 1; i < std::min(readings.size(), from + kReadingsAfter); ++i) {
    if (started_later(*readings[i], *readings[from])) return true;
  }
  return false;
}

/// Whether any of them is soon back at what it had been.
bool rises_again(const Samples& readings, std::size_t from, const SignalValues& had) {
  for (std::size_t i = from; i < std::min(readings.size(), from + kReadingsAfter); ++i) {
    for (const auto& [signal, value] : had) {
      const auto now = readings[i]->values.find(signal);
      if (now != readings[i]->values.end() && now->second >= value) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::int64_t> find_restarts(const TelemetrySeries& telemetry, std::string_view target) {
  const std::vector<TelemetrySample> samples = telemetry.samples();
  std::map<std::string, Samples> by_source;
  for (const TelemetrySample& sample : samples) {
    if (sample.target == target && !sample.values.empty()) by_source[sample.source].push_back(&sample);
  }
  std::vector<std::int64_t> restarts;
  for (const auto& [source, readings] : by_source) {
    for (std::size_t i = 1; i + kFewestAfter < readings.size(); ++i) {
      const SignalValues had = fallen(*readings[i - 1], *readings[i]);
      const bool later = started_later(*readings[i - 1], *readings[i]) && !seen_again(readings, i);
      const bool anew = had.size() >= kFewestCounters && !same_process(*readings[i - 1], *readings[i]);
      if (later || (anew && !rises_again(readings, i, had))) restarts.push_back(readings[i]->second);
    }
  }
  std::sort(restarts.begin(), restarts.end());
  restarts.erase(std::unique(restarts.begin(), restarts.end()), restarts.end());
  return restarts;
}

void mark_restarts(std::vector<Step>& steps, const std::vector<std::int64_t>& restarts) {
  for (Step& step : steps) {
    const double end = step.window_begin_seconds + step.duration_seconds;
    for (const std::int64_t second : restarts) {
      const auto at = static_cast<double>(second);
      if (at < step.window_begin_seconds || at > end || step.has_flag("RESTARTED")) continue;
      step.invalidate("RESTARTED", words::counters_began_anew(second));
    }
  }
}

}  // namespace kneepoint::coordinator
