#include "coordinator/words/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/plural.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

constexpr std::string_view kShownOnly =
    ": their figures are shown, not compared, because those of a moving load lag behind it";

}  // namespace

std::string scenario_on_target(const ScenarioResult& result) {
  return fmt::format("{} on {}", result.scenario, result.target);
}

std::string run_and_text(const std::string& run, const std::string& text) {
  return fmt::format("{}: {}", run, text);
}

std::string run_by_run(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string no_such_result(const std::string& run) {
  return fmt::format("{} has no such result", run);
}

std::string compared_are(const std::string& by_run) {
  return "compared are " + by_run;
}

std::string models_differ(const std::string& by_run) {
  return "the models differ: " + by_run;
}

std::string workloads_unknown() {
  return "whether the workloads are the same is not known: a report does not say what it asked";
}

std::string workloads_differ(const std::string& by_run) {
  return "THE WORKLOADS DIFFER: " + by_run;
}

std::string moved_at_another_pace(const std::string& run, double pace, const std::string& base,
                                  double base_pace) {
  return fmt::format("THE LOAD MOVED at another pace in {} ({:+.3g} a second) than in {} ({:+.3g}){}", run,
                     pace, base, base_pace, kShownOnly);
}

std::string moved_and_stood_still(const std::string& moved, const std::string& still) {
  return fmt::format("THE LOAD MOVED in {} (a survey) and stood still in {}{}", moved, still, kShownOnly);
}

std::string memory_not_alike() {
  return "peak GPU memory is not compared: of one run it is the server's, of another that of its cards";
}

std::string limits_differ(const std::string& title, double base_limit, const std::string& base, double limit,
                          const std::string& run) {
  return fmt::format("{}: the limit is {} in {} and {} in {}", title, format_time(base_limit), base,
                     format_time(limit), run);
}

std::string row_invalid_in(double load, const std::string& run, const std::vector<std::string>& reasons) {
  return fmt::format("{}: not compared, invalid in {}: {}", load, run, fmt::join(reasons, "; "));
}

std::string row_refuted_in(double load, const std::string& run) {
  return fmt::format("{}: not compared, later rows of {} have refuted it", load, run);
}

std::string measured_in_one_only(const std::string& run, const std::vector<double>& loads) {
  return fmt::format("measured validly in {} only: {}", run, fmt::join(loads, ", "));
}

std::string tokens_counted_otherwise(double load) {
  return fmt::format("{}: tok/s and TPOT are not compared: tokens were counted in different ways", load);
}

std::string nothing_in_common() {
  return "no concurrency was measured validly in two of the runs";
}

std::string whole_is_spoiled(const std::string& run, const ScenarioResult* result, Trust trust,
                             const std::string& why) {
  return fmt::format("{} {} ({}): its N_sat, N_slo and highest throughput are shown, not compared",
                     result == nullptr ? run : fmt::format("{}, {},", run, scenario_on_target(*result)),
                     trust == Trust::kReserved ? "has reservations" : "is not trustworthy", why);
}

std::string only_in(const std::string& run, const ScenarioResult& result) {
  return fmt::format("only in {}: {}", run, scenario_on_target(result));
}

std::string same_texts_and_a_cache(const std::vector<std::string>& runs, const std::string& most_in,
                                   const Step& most) {
  return fmt::format(
      "{} asked the same texts, and the host holds prompts in a prefix cache (in {} at {}, {} % of the "
      "prompt "
      "tokens came out of it), so what one run asked may have made the next one faster; ask new texts in "
      "each "
      "run (unique: true, and no texts: repeat), or restart the host before each",
      fmt::join(runs, " and "), most_in, row_label(most), format_share(most.cache_hits().value_or(0)));
}

std::string change_over_loads(const ChangeRange& change) {
  std::string where;
  if (change.rows == 1 && change.only_load) {
    where = " at " + format_figure(*change.only_load);
  } else if (change.rows > 1) {
    where = change.rows == change.of ? " at every load"
                                     : fmt::format(" at {} of {} loads", change.rows, change.of);
  }
  return fmt::format("{} {}{} %{}", change.title, change.low,
                     change.low == change.high ? "" : " to " + change.high, where);
}

std::string share_changed(const std::string& title, const std::string& from, const std::string& to,
                          double load) {
  return fmt::format("{} {} → {} at {}", title, from, to, format_figure(load));
}

std::string does_not_differ(const std::string& of, const std::string& run, const std::string& base) {
  return fmt::format("{}{} does not differ significantly from {}.", of, run, base);
}

std::string differs_in(const std::string& of, const std::string& run, const std::string& base,
                       const std::vector<std::string>& titles) {
  return fmt::format("{}{} differs significantly from {} in {} only.", of, run, base,
                     fmt::join(titles, ", "));
}

std::string is_better_or_worse(const std::string& of, const std::string& run, const std::string& base,
                               bool better, bool worse, bool speed, const std::vector<std::string>& parts) {
  const std::string_view word = better && worse ? "is better and worse than"
                                : better        ? speed ? "is faster than" : "fails less than"
                                : speed         ? "is slower than"
                                                : "fails more than";
  return fmt::format("{}{} {} {}: {}.", of, run, word, base, fmt::join(parts, ", "));
}

std::string nothing_compared() {
  return "nothing could be compared";
}

std::string how_many_differ(std::size_t figures, std::size_t better, std::size_t worse) {
  if (figures == 0) return "Nothing could be compared.";
  if (better + worse == 0) return fmt::format("None of {} compared figures differs significantly.", figures);
  return fmt::format("{} of {} compared figures differ significantly: {} better, {} worse.", better + worse,
                     figures, better, worse);
}

std::string comparison_method(const std::string& base, std::size_t tests, bool took_turns) {
  return fmt::format(
      "Differences are against {}, relative, with a 95 % interval for each figure alone. A figure is tested "
      "by "
      "Welch's t on logarithms: standard errors are those of the batch means (for requests sent one at a "
      "time, "
      "of the requests), and the number of batches is the sample size, not the number of requests. 'better' "
      "and "
      "'worse' are corrected for the {} figures tested here by Holm's method: where nothing differs, the "
      "chance "
      "of even one such word is at most 5 %. N_sat and N_slo differ where their intervals do not overlap. "
      "Percentiles without an interval are not tested.{}",
      base, tests,
      took_turns
          ? " The targets took turns: a difference 'in turns' is that of all four windows of a load (A, "
            "B, B, A), in which what both drift by in a line cancels; the figures beside it are of one "
            "window each."
          : "");
}

std::string only_bounds_known() {
  return "only bounds known";
}

std::string from_nothing() {
  return "from nothing";
}

std::string at_least(const std::string& ratio) {
  return "at least " + ratio;
}

std::string at_most(const std::string& ratio) {
  return "at most " + ratio;
}

std::string not_tested() {
  return "not tested";
}

std::string not_significant() {
  return "not significant";
}

std::string more_than_chance_alone() {
  return "more than chance for this limit alone";
}

std::string against(const std::string& run, const std::string& base) {
  return fmt::format("{} against {}", run, base);
}

std::string first_lines(const std::vector<std::string>& lines, std::size_t most) {
  const auto some = lines.begin() + static_cast<std::ptrdiff_t>(std::min(lines.size(), most));
  const std::string text = fmt::format("{}", fmt::join(lines.begin(), some, "; "));
  return lines.size() > most ? text + fmt::format("; and {} more", lines.size() - most) : text;
}

std::string too_wide_to_tell(const std::string& figure) {
  return figure + " is too wide a range to tell";
}

std::string no_row_measured(const std::string& where) {
  return where + ": no row was measured";
}

std::string row_is_invalid(const std::vector<std::string>& reasons) {
  return reasons.empty() ? "the row is invalid"
                         : fmt::format("the row is invalid: {}", fmt::join(reasons, "; "));
}

std::string row_is_refuted() {
  return "later rows have refuted the row";
}

std::string not_measured() {
  return "was not measured";
}

std::string too_few_requests(const std::string& figure) {
  return figure + ", too few requests";
}

std::string was_not_found(const std::string& title) {
  return title + " was not found";
}

std::string no_slo() {
  return "the scenario has no slo";
}

std::string nothing_was_measured() {
  return "nothing was measured";
}

std::string row_does_not_count(const std::string& what, const std::string& run) {
  return fmt::format("{}: its row does not count in {}", what, run);
}

std::string not_measured_in(const std::string& what, const std::string& run) {
  return fmt::format("{}: not measured in {}", what, run);
}

std::string may_not_be_compared(std::size_t figures) {
  return figures == 1 ? "the figures may not be compared"
                      : fmt::format("{} figures may not be compared", figures);
}

std::string past_and_not_tested(const std::string& line) {
  return "past it, but that was not tested: " + line;
}

std::string past_and_undecided(const std::string& line) {
  return "past it, but undecided: " + line;
}

std::string only_bound_within(const std::string& line) {
  return "only a bound is within it: " + line;
}

std::string no_such_figure() {
  return "no such figure could be compared";
}

std::string differences_within(std::size_t count, std::size_t without_reference) {
  std::string text = plural(count, "difference") + " within it";
  if (without_reference > 0)
    text += fmt::format("; not looked at: {} of the base without such a figure",
                        plural(without_reference, "row"));
  return text;
}

}  // namespace kneepoint::coordinator::words
