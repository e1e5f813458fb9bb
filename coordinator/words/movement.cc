#include "coordinator/words/movement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

/// "38 % slower", "12 % faster"
std::string faster_or_slower(double ratio) {
  return fmt::format("{:.0f} % {}", std::abs(ratio - 1) * 100, ratio < 1 ? "slower" : "faster");
}

std::string run_clock(double seconds) {
  return format_run_time(static_cast<std::int64_t>(std::max(seconds, 0.0)));
}

}  // namespace

std::string burst(double from, const std::string& load, double lasting, double requests, double most,
                  const char* unit) {
  return fmt::format(
      "The target took more for a while than it takes for long: from {} on it refused requests at {}, which "
      "it "
      "had taken before. What lasts is {} {} ({} requests a second); the burst had up to {} {}.",
      run_clock(from), load, format_figure(lasting), unit, format_figure(requests), format_figure(most),
      unit);
}

std::string stalls(std::size_t count, double apart) {
  return fmt::format(
      "The host stops for a moment again and again: {} times while it was measured, about every {}. "
      "Throughput "
      "is given with the stalls in it.",
      count, format_time(apart));
}

std::string turns(double amplitude, double period) {
  return fmt::format(
      "The host is faster and slower by turns, by ± {:.0f} % about every {}. Each row holds what it gave in "
      "its "
      "window, and not the mean over whole turns.",
      amplitude * 100, format_time(period));
}

std::string warms_up(double ratio, double from, double half_within) {
  return fmt::format("The host warms up: at the same load it got {} from {} on, half of that within {}.",
                     faster_or_slower(ratio), run_clock(from), format_time(half_within));
}

std::string drifts(double ratio, double within) {
  return fmt::format("The host drifts: at the same load it got {} within {}.", faster_or_slower(ratio),
                     format_time(within));
}

std::string changed(double ratio, double since) {
  return fmt::format("The host changed: at the same load it is {} since {}.", faster_or_slower(ratio),
                     run_clock(since));
}

std::string changed_within(const std::string& label, double ratio, double since) {
  return fmt::format("The host changed within a row, at {}: it is {} since {}.", label,
                     faster_or_slower(ratio), run_clock(since));
}

std::string heats_up() {
  return "The host slows down under load, within a minute or so, and is fast again after light load, as one "
         "that gets hot.";
}

std::string wanders(double most) {
  return fmt::format(
      "The host goes up and down: at the same load throughput differed by up to {:.0f} % from one row to the "
      "next.",
      most * 100);
}

}  // namespace kneepoint::coordinator::words
