#include "coordinator/words/again.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/plural.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

std::string recovered(std::optional<double> after) {
  if (!after) return "not within the step";
  return *after < 1 ? "at once" : "after " + format_time(*after);
}

std::string_view proof_end(Proof proof) {
  switch (proof) {
    case Proof::kUndecided:
      return "The verdict is neither proved nor disproved";
    case Proof::kSurvives:
      return "The verdict survives";
    case Proof::kHostDiffers:
      return "The verdict does not survive: the host did not repeat itself, with as many agents as before "
             "either";
    case Proof::kHostMoved:
      return "The verdict does not survive: the host became faster and slower meanwhile, so the agents need "
             "not be the cause";
    case Proof::kAgentsDiffer:
      break;
  }
  return "The verdict does not survive: what was measured depends on the agents";
}

}  // namespace

std::string row_change(double throughput, std::optional<double> ttft) {
  std::string text = fmt::format("throughput {} %", format_change(throughput));
  if (ttft) text += fmt::format(", TTFT p50 {} %", format_change(*ttft));
  return text;
}

std::string moved_at(const std::string& load, double ratio, double within) {
  return fmt::format("throughput at {} has moved by {} % in {}", load, format_change(ratio),
                     format_time(within));
}

std::string ratio_again(const RatioAgain& ratio) {
  return fmt::format("from {} to {} throughput changed by {} %{} ({} to {} %)", format_figure(ratio.from),
                     format_figure(ratio.to), format_change(ratio.value - 1),
                     ratio.looks > 1 ? " on average" : "", format_change(ratio.low - 1),
                     format_change(ratio.high - 1));
}

std::string measured_once() {
  return "What is claimed was measured once, and not again at another time.";
}

std::string seen_again(std::size_t times, const std::string& ratios) {
  return fmt::format("Measured again, {} in turn: {}.", plural(times, "time"), ratios);
}

std::string contradicted(const std::string& seen, double low, std::optional<double> high) {
  return fmt::format(
      "{} That contradicts what the steps before it said ({} to {}): the host does not repeat itself.", seen,
      format_figure(low), high ? format_figure(*high) : "above");
}

std::string not_enough(const std::string& seen) {
  return seen + " That is not enough to confirm it.";
}

std::string moved_away(const std::string& seen) {
  return seen + " With these rows the answer has moved away from what they were to confirm.";
}

std::string confirmed(const std::string& seen) {
  return seen + " That confirms it.";
}

std::string proof_not_joined(std::size_t agents, std::size_t joined) {
  return fmt::format("not with {}, of which {} joined", plural(agents, "agent"), joined);
}

std::string proof_undecided(std::size_t agents, const std::string& why) {
  return fmt::format("with {} nothing can be said ({})", plural(agents, "agent"), why);
}

std::string proof_seen(std::size_t agents, const std::string& change) {
  return fmt::format("with {}: {}", plural(agents, "agent"), change);
}

std::string proof_note(bool differs, const std::string& change) {
  return fmt::format("; {}: {}", differs ? "differs" : "agrees", change);
}

std::string proof_not_measured() {
  return "The knee was not measured again: no row of the ramp is valid, or the run ended before.";
}

std::string proof(Proof proof, std::uint32_t concurrency, const std::vector<std::string>& parts) {
  return fmt::format("Measured again{}: {}. {}.",
                     concurrency > 0 ? fmt::format(" at N = {}", concurrency) : "", fmt::join(parts, "; "),
                     proof_end(proof));
}

std::string row_is_invalid_here() {
  return "its row is invalid";
}

std::string descending() {
  return "descending";
}

std::string descending_not_comparable(const std::string& why) {
  return "; not comparable: " + why;
}

std::string descending_alike() {
  return "as on the way up";
}

std::string descending_recovered(std::optional<double> after) {
  return "; recovered " + recovered(after);
}

std::string descending_changed(std::uint32_t concurrency, const std::string& change) {
  return fmt::format("{} ({})", concurrency, change);
}

std::string descent_not_measured() {
  return "The way down was not measured.";
}

std::string descent_not_comparable() {
  return "No step of the way down can be compared.";
}

std::string no_hysteresis(std::uint32_t top, std::size_t steps) {
  return fmt::format("Back down from {}, all {} steps were as on the way up: no hysteresis.", top, steps);
}

std::string hysteresis(std::uint32_t top, const std::vector<std::string>& changed, std::size_t compared) {
  return fmt::format("Back down from {}, {} of {} steps differ from the way up: {}.", top, changed.size(),
                     compared, fmt::join(changed, ", "));
}

std::string back_below(std::uint32_t from, std::uint32_t to, std::optional<double> after) {
  return fmt::format(
      "Once the load had fallen from {} to {}, below saturation, throughput and TTFT were back {}.", from, to,
      recovered(after));
}

std::string back_at_base(std::uint32_t base, std::optional<double> after) {
  return fmt::format("At the base, {}, they were back {}.", base, recovered(after));
}

std::string rows_shown(std::size_t shown, std::size_t all, std::size_t scouts) {
  return fmt::format(
      "{} of {} rows are shown: for each concurrency the one measured longest. {} were brief probes of the "
      "search, others repeats; all stand in steps.csv and report.json.",
      shown, all, scouts);
}

std::string part_of_a_minute() {
  return "the target admits so much in each minute, and this was measured in a part of one";
}

std::string refused_later() {
  return "measured again, the target turned requests away at this load";
}

std::string lived_on_allowance(const std::string& lasting) {
  return fmt::format(
      "the target admits {} for long, as it shows where it turns requests away: this lived on an allowance "
      "for "
      "bursts",
      lasting);
}

std::string moved_within() {
  return "measured again at this load when throughput did not move within the window";
}

std::string other_at_light_load(double ratio) {
  return fmt::format("measured again, throughput at this light load was {:+.0f} %", ratio * 100);
}

std::string host_changed_after(double ratio, double from) {
  return fmt::format("the host changed afterwards: at the same load throughput was {:+.0f} % from {} on",
                     ratio * 100, format_time(from));
}

std::string contradicted_later(const std::string& ratios) {
  return "what followed from it was contradicted when it was measured again: " + ratios;
}

std::string host_moved_on() {
  return "the host has moved on since";
}

}  // namespace kneepoint::coordinator::words
