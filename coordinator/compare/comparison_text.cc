// What a comparison says of itself and of its differences, in words.
#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "coordinator/compare/comparison.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {

std::string method_text(const Comparison& comparison) {
  return words::comparison_method(comparison.runs.front().label, comparison.tests, comparison.paired);
}

std::string signed_percent(double ratio) {
  const double percent = std::round(ratio * 1000) / 10;
  return fmt::format("{:+.1f}", percent == 0 ? 0.0 : percent);  // no "-0.0"
}

std::string ratio_text(const Difference& difference) {
  if (difference.bound == RatioBound::kUnknown) return words::only_bounds_known();
  if (std::isinf(difference.ratio)) return words::from_nothing();
  const std::string ratio = signed_percent(difference.ratio) + (difference.points ? " pt" : " %");
  if (difference.bound == RatioBound::kAtLeast) return words::at_least(ratio);
  return difference.bound == RatioBound::kAtMost ? words::at_most(ratio) : ratio;
}

std::string judgement(const ComparedRow& row, std::size_t run) {
  const auto& difference = row.differences[run];
  if (!difference) return "";
  if (!difference->tested) return words::not_tested();
  if (!difference->significant) return words::not_significant();
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
