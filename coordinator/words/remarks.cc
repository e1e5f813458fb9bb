#include "coordinator/words/remarks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/plural.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

constexpr const char* kAnotherAnswers =
    "under load something else than the model may answer, as an error text";

}  // namespace

std::string at_row(const Step& row, const std::string& why) {
  return fmt::format("at {}: {}", row_label(row), why);
}

std::string at_rows(const Step& first, const std::string& why, const std::vector<std::string>& others) {
  const std::string text = at_row(first, why);
  if (others.empty()) return text;
  return fmt::format("{} (and so at {})", text,
                     others.size() > 3 ? fmt::format("{} other rows", others.size())
                                       : fmt::format("{}", fmt::join(others, " and ")));
}

std::string at_row_of(const Step& row, const std::string& why, std::size_t rows, std::size_t all) {
  return fmt::format("{} ({} of {} rows)", at_row(row, why), rows, all);
}

std::string of_result(const ScenarioResult& result, const std::string& text) {
  return fmt::format("in {} on {}: {}", result.scenario, result.target, text);
}

std::string row_is_invalid() {
  return "the row is not valid";
}

std::string no_valid_step() {
  return "no step is valid";
}

std::string nothing_stands() {
  return "every row was refuted by what was measured later: nothing is left to claim";
}

std::string invalid_bins(std::size_t invalid, std::size_t all) {
  return fmt::format("{} of {} bins {} invalid", invalid, all, is_or_are(invalid));
}

std::string short_windows(std::size_t count, std::size_t all) {
  return fmt::format(
      "{} of {} windows {} short against the time that a request takes; such intervals are doubled", count,
      all, is_or_are(count));
}

std::string survey() {
  return "every row is a survey, because the load moved all the time: figures lag behind it, and none is of "
         "a "
         "steady state";
}

std::string rows_do_not_agree() {
  return "no load is surely below saturation, and none is surely past it";
}

std::string imprecise(const Interval& between, std::optional<double> scatter) {
  return fmt::format(
      "the search did not reach its precision: saturation lies between {} and {}{}",
      format_figure(between.low), format_figure(between.high),
      scatter
          ? fmt::format(", as the same load gives a throughput that scatters by {:.1f} % from one window to "
                        "the next",
                        *scatter * 100)
          : "");
}

std::string not_saturated() {
  return "saturation was not reached";
}

std::string interrupted() {
  return "the run was interrupted";
}

std::string interrupted_without_end(double recorded_seconds) {
  return fmt::format(
      "the run was interrupted: its recording ends after {}, and only steps that were complete by then are "
      "reported",
      format_time(recorded_seconds));
}

std::string stopped_by(const std::string& reason) {
  return "the run was stopped by a " + reason;
}

std::string agents_lost(std::size_t agents, std::size_t lost, std::size_t returned, std::size_t rows) {
  std::string text = lost == 1 ? fmt::format("one of {} agents was lost", agents)
                               : fmt::format("agents were lost {} times", lost);
  if (returned == 1) text += " and came back";
  if (returned > 1) text += fmt::format(", and came back {} times", returned);
  return fmt::format("{}; {}", text,
                     rows == 0   ? "no row was under way"
                     : rows == 1 ? "the row under way counts for nothing"
                                 : fmt::format("{} rows count for nothing", rows));
}

std::string not_measured(std::size_t missing, std::size_t scenarios) {
  return fmt::format("{} of {} {} not measured", missing, plural(scenarios, "scenario"),
                     missing == 1 ? "was" : "were");
}

std::string resumed(const Resumption& resumption) {
  return fmt::format(
      "its coordinator was gone: the run went on {} after its beginning, {} after the last that was measured "
      "before",
      format_time(resumption.at_seconds), format_time(resumption.gap_seconds));
}

std::string clocks_differ(double seconds) {
  return fmt::format("agents' clocks may differ by {}", format_time(seconds));
}

std::string replica_fails(const Share& share, double failed_ratio, const Step& row) {
  return fmt::format("replica {} fails {:.0f} % of its requests at {}, and no other fails more than 1 %",
                     share.name, failed_ratio * 100, row_label(row));
}

std::string replica_is_slower(const Share& share, const char* latency, double own, double others,
                              const Step& row) {
  return fmt::format("replica {} is slower than the others: {} p50 {} at {}, where the others have {}",
                     share.name, latency, format_time(own), row_label(row), format_time(others));
}

std::string other_models(const Step& most, double others, const Step& lowest) {
  return fmt::format(
      "at {} {:.0f} % of the answers name another model than those at {}: figures are of both, and the one "
      "that was asked for is full below",
      row_label(most), others * 100, row_label(lowest));
}

std::string light_load_slow(double load, double for_each, double more_load, double for_each_there,
                            const char* unit) {
  return fmt::format(
      "at {} in flight the host gives each request {} {}, at {} {}: a host that stays as it is gives none "
      "more "
      "as the load grows, so figures of light load are too low",
      format_figure(load), format_figure(for_each), unit, format_figure(more_load),
      format_figure(for_each_there));
}

std::string answers_shrink(const Step& shortest, const Step& lowest, double tokens_there) {
  return fmt::format("at {} an answer has {} tokens on average, at {} {}: {}", row_label(shortest),
                     format_figure(shortest.answer_tokens_mean.value_or(0)), row_label(lowest),
                     format_figure(tokens_there), kAnotherAnswers);
}

std::string answers_end_early(const Step& earliest, double early, const Step& lowest, double early_there) {
  return fmt::format("at {} {:.0f} % of the answers ended early, at {} {:.0f} %: {}", row_label(earliest),
                     early * 100, row_label(lowest), early_there * 100, kAnotherAnswers);
}

std::string missed_in_bursts(const Step& step, std::uint64_t missed, std::uint64_t all) {
  return fmt::format("at {} {} of {} missed it, but in bursts: a longer window would decide",
                     load_label(step), missed, all);
}

}  // namespace kneepoint::coordinator::words
