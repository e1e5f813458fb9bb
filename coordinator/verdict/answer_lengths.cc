#include "coordinator/verdict/answer_lengths.h"

#include "coordinator/measure/statistics.h"
#include "coordinator/words/remarks.h"

namespace kneepoint::coordinator {
namespace {

/// Fewer answers have a mean that says little: lengths of users' texts scatter by as much as they are long.
constexpr std::uint64_t kFewest = 50;
/// A mean below this share of the one at the lowest load.
constexpr double kShorter = 0.5;
/// Answers that end early: surely more than this at a load, and fewer than that at the lowest.
constexpr double kOften = 0.05, kSeldom = 0.01;

bool tells(const Step& step) {
  return step.valid && step.requests.completed >= kFewest && step.answer_tokens_mean.value_or(0) > 0;
}

double early_ratio(const Step& step) {
  return static_cast<double>(step.early_stops) / static_cast<double>(step.requests.completed);
}

bool stops_early(const Step& step) {
  return proportion_lower(static_cast<double>(step.early_stops),
                          static_cast<double>(step.requests.completed)) > kOften;
}

}  // namespace

void judge_answer_lengths(const ScenarioResult& result, Verdict& verdict) {
  const Step* lowest = nullptr;
  for (const Step& step : result.steps) {
    if (tells(step) && (lowest == nullptr || step.load() < lowest->load())) lowest = &step;
  }
  if (lowest == nullptr) return;
  const Step* shortest = nullptr;
  const Step* earliest = nullptr;
  for (const Step& step : result.steps) {
    if (!tells(step) || step.load() <= lowest->load()) continue;
    if (*step.answer_tokens_mean < kShorter * *lowest->answer_tokens_mean &&
        (shortest == nullptr || *step.answer_tokens_mean < *shortest->answer_tokens_mean))
      shortest = &step;
    if (early_ratio(*lowest) < kSeldom && stops_early(step) &&
        (earliest == nullptr || early_ratio(step) > early_ratio(*earliest)))
      earliest = &step;
  }
  if (shortest != nullptr) {
    verdict.reserve("answers_shrink", words::answers_shrink(*shortest, *lowest));
  } else if (earliest != nullptr) {
    verdict.reserve("answers_shrink", words::answers_end_early(*earliest, early_ratio(*earliest), *lowest,
                                                               early_ratio(*lowest)));
  }
}

}  // namespace kneepoint::coordinator
