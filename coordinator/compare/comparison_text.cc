// What a comparison says of itself and of its differences, in words.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "coordinator/compare/comparison.h"

namespace kneepoint::coordinator {

std::string method_text(const Comparison& comparison) {
  const std::string_view paired =
      comparison.paired
          ? " The targets took turns: a difference 'in turns' is that of all four windows of a load (A, B, "
            "B, A), "
            "in which what both drift by in a line cancels; the figures beside it are of one window each."
          : "";
  return fmt::format(
      "Differences are against {}, relative, with a 95 % interval for each figure alone. A figure is tested "
      "by "
      "Welch's t on logarithms: standard errors are those of the batch means (for requests sent one at a "
      "time, of "
      "the requests), and the number of batches is the sample size, not the number of requests. 'better' and "
      "'worse' are corrected for the {} figures tested here by Holm's method: where nothing differs, the "
      "chance "
      "of even one such word is at most 5 %. N_sat and N_slo differ where their intervals do not overlap. "
      "Percentiles without an interval are not tested.{}",
      comparison.runs.front().label, comparison.tests, paired);
}

std::string signed_percent(double ratio) {
  const double percent = std::round(ratio * 1000) / 10;
  return fmt::format("{:+.1f}", percent == 0 ? 0.0 : percent);  // no "-0.0"
}

std::string ratio_text(const Difference& difference) {
  if (difference.bound == RatioBound::kUnknown) return "only bounds known";
  if (std::isinf(difference.ratio)) return "from nothing";
  const std::string ratio = signed_percent(difference.ratio) + (difference.points ? " pt" : " %");
  if (difference.bound == RatioBound::kAtLeast) return "at least " + ratio;
  return difference.bound == RatioBound::kAtMost ? "at most " + ratio : ratio;
}

std::string judgement(const ComparedRow& row, std::size_t run) {
  const auto& difference = row.differences[run];
  if (!difference) return "";
  if (!difference->tested) return "not tested";
  if (!difference->significant) return "not significant";
  return (difference->ratio > 0) == row.higher_is_better ? "better" : "worse";
}

std::string difference_text(const ComparedRow& row, std::size_t run) {
  return difference_text(row, run, judgement(row, run));
}

std::string difference_text(const ComparedRow& row, std::size_t run, std::string_view judged) {
  const auto& difference = row.differences[run];
  if (!difference) return "–";
  std::string text = ratio_text(*difference);
  if (difference->ci95) {
    text += fmt::format(" ({} to {})", signed_percent(difference->ci95->low),
                        signed_percent(difference->ci95->high));
  }
  return fmt::format("{}, {}{}", text, row.in_turns ? "in turns, " : "", judged);
}

}  // namespace kneepoint::coordinator
