#include "coordinator/verdict/answer_lengths.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "coordinator/measure/statistics.h"
#include "coordinator/words/remarks.h"

namespace kneepoint::coordinator {
namespace {

/// Fewer answers have a mean that says little: lengths of users' texts scatter by as much as they are long.
constexpr double kFewest = 50;
/// A mean below this share of the one with less load.
constexpr double kShorter = 0.5;
/// Answers that end early: surely more than this at a load, and surely fewer than half of that share with
/// less load.
constexpr double kOften = 0.05, kManyMore = 2;

double early_ratio(const Step& step) {
  return static_cast<double>(step.early_stops) / static_cast<double>(step.requests.completed);
}

/// The answers of light load. A row of one request at a time has few of them; what lies between it and the
/// row that is looked at has more.
struct Lighter {
  const Step* lowest = nullptr;
  double answers = 0, early = 0, tokens = 0;

  void add(const Step& step) {
    const auto more = static_cast<double>(step.requests.completed);
    if (lowest == nullptr) lowest = &step;
    answers += more;
    early += static_cast<double>(step.early_stops);
    tokens += more * *step.answer_tokens_mean;
  }
  double mean() const { return tokens / answers; }
  double early_ratio() const { return early / answers; }
};

bool gets_shorter(const Step& step, const Lighter& lighter) {
  return lighter.answers >= kFewest && static_cast<double>(step.requests.completed) >= kFewest &&
         *step.answer_tokens_mean < kShorter * lighter.mean();
}

bool ends_early(const Step& step, const Lighter& lighter) {
  const double here =
      proportion_lower(static_cast<double>(step.early_stops), static_cast<double>(step.requests.completed));
  return here > kOften && here > kManyMore * proportion_upper(lighter.early, lighter.answers);
}

/// Rows that tell of lengths, from the lowest load on.
std::vector<const Step*> telling_rows(const ScenarioResult& result) {
  std::vector<const Step*> rows;
  for (const Step& step : result.steps) {
    if (step.valid && step.requests.completed > 0 && step.answer_tokens_mean.value_or(0) > 0)
      rows.push_back(&step);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Step* a, const Step* b) { return a->load() < b->load(); });
  return rows;
}

/// Answers that another model gave, surely, before that is worth a reservation.
constexpr double kOthers = 0.01;

}  // namespace

void judge_answer_models(const ScenarioResult& result, Verdict& verdict) {
  const auto names = [](const Step& step) { return step.valid && step.model_names; };
  const Step* lowest = nullptr;
  for (const Step& step : result.steps) {
    if (names(step) && (lowest == nullptr || step.load() < lowest->load())) lowest = &step;
  }
  // Several models at the lowest load are how the host is: a router's choice, adapters, replicas of own
  // names.
  if (lowest == nullptr || !lowest->model_names->one()) return;
  const double usual = lowest->model_names->mean;
  const Step* most = nullptr;
  for (const Step& step : result.steps) {
    if (!names(step) || step.load() <= lowest->load()) continue;
    const double others = step.model_names->others(usual), answers = step.model_names->answers;
    if (proportion_lower(std::round(others * answers), answers) <= kOthers) continue;
    if (most == nullptr || others > most->model_names->others(usual)) most = &step;
  }
  if (most == nullptr) return;
  verdict.reserve("other_models", words::other_models(*most, most->model_names->others(usual), *lowest));
}

void judge_answer_lengths(const ScenarioResult& result, Verdict& verdict) {
  const std::vector<const Step*> rows = telling_rows(result);
  const Step* shortest = nullptr;
  const Step* earliest = nullptr;
  Lighter lighter, before_shortest, before_earliest;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    while (end < rows.size() && rows[end]->load() <= rows[begin]->load()) ++end;
    for (std::size_t i = begin; lighter.answers > 0 && i < end; ++i) {
      const Step& step = *rows[i];
      if (gets_shorter(step, lighter) &&
          (shortest == nullptr || *step.answer_tokens_mean < *shortest->answer_tokens_mean)) {
        shortest = &step;
        before_shortest = lighter;
      }
      if (ends_early(step, lighter) && (earliest == nullptr || early_ratio(step) > early_ratio(*earliest))) {
        earliest = &step;
        before_earliest = lighter;
      }
    }
    // Enough of light load: with more of it the rows that have changed would be held against themselves.
    if (lighter.answers >= kFewest) continue;
    for (std::size_t i = begin; i < end; ++i) lighter.add(*rows[i]);
  }
  if (shortest != nullptr) {
    verdict.reserve("answers_shrink",
                    words::answers_shrink(*shortest, *before_shortest.lowest, before_shortest.mean()));
  } else if (earliest != nullptr) {
    verdict.reserve("answers_shrink",
                    words::answers_end_early(*earliest, early_ratio(*earliest), *before_earliest.lowest,
                                             before_earliest.early_ratio()));
  }
}

}  // namespace kneepoint::coordinator
