#include "coordinator/verdict/after_top.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/token_count.h"
#include "coordinator/words/again.h"
#include "coordinator/words/rows.h"

namespace kneepoint::coordinator {
namespace {

constexpr double kThroughput = 0.05;
constexpr double kTtft = 0.25;
constexpr double kShortestLook = 3;
constexpr double kResidences = 2;

/// Half the width of an interval, relative to its value, or `least` where that is more.
double tolerance(const std::optional<Interval>& ci95, double value, double least) {
  return std::max(least, ci95 && value > 0 ? (ci95->high - ci95->low) / 2 / value : 0);
}

std::string why_invalid(const Step& step) {
  return step.reasons.empty() ? words::row_is_invalid_here() : step.reasons.front();
}

}  // namespace

std::optional<double> recovery_seconds(const Timeline& timeline, const StepWindow& window,
                                       const Step& reference) {
  const auto& x = reference.output_tokens_per_second;
  if (!x.value || *x.value <= 0) return std::nullopt;
  const double look =
      std::max(kShortestLook, std::ceil(kResidences * reference.e2e_seconds.mean.value_or(0)));
  const auto span = static_cast<std::int64_t>(look);
  const double x_tolerance = tolerance(x.ci95, *x.value, kThroughput);
  const auto& ttft = reference.ttft_seconds;
  const double ttft_most = ttft.p50.value_or(0) * (1 + tolerance(ttft.p50_ci95, ttft.p50.value_or(0), kTtft));

  const SeriesStats whole = counts_of_cell(timeline, window.cell);
  const auto from = std::chrono::ceil<std::chrono::seconds>(window.level_at).count();
  for (std::int64_t begin = from; begin + span <= window.end; ++begin) {
    SeriesStats sum;
    const auto& seconds = timeline.seconds();
    for (auto at = seconds.lower_bound(begin); at != seconds.end() && at->first < begin + span; ++at) {
      for (const auto& [key, stats] : at->second.series) {
        if (key.cell == window.cell) sum.merge(stats);
      }
    }
    const double tokens = chunk_rate(sum, whole).arrived(sum) / look;
    if (std::abs(tokens / *x.value - 1) > x_tolerance) continue;
    const auto median = sum.ttft.quantile_seconds(0.5);
    if (ttft.p50 && (!median || *median > ttft_most)) continue;
    return static_cast<double>(begin - from);
  }
  return std::nullopt;
}

Finding judge_proof(const std::vector<Step>& ramp, std::vector<Step>& after,
                    const std::vector<std::uint32_t>& asked, std::size_t joined, bool host_moved) {
  std::vector<std::string> parts;
  bool compared = false;
  bool differs = false;
  bool differs_alike = false;  // with as many agents as the ramp had
  std::uint32_t concurrency = 0;
  for (const std::uint32_t agents : asked) {
    if (agents > joined) {
      parts.push_back(words::proof_not_joined(agents, joined));
      continue;
    }
    const auto row = std::find_if(after.begin(), after.end(), [&](const Step& step) {
      return step.role == "proof" && step.agents == agents;
    });
    if (row == after.end()) continue;
    concurrency = row->concurrency;
    const Step* before = reference_row(ramp, row->concurrency);
    const auto found = before == nullptr ? std::nullopt : row_change(*before, *row);
    row->note = words::proof_with(agents);
    if (!found) {
      parts.push_back(words::proof_undecided(agents, why_invalid(*row)));
      continue;
    }
    compared = true;
    differs = differs || found->matters();
    differs_alike = differs_alike || (found->matters() && agents == joined);
    row->note += words::proof_note(found->matters(), found->text());
    parts.push_back(words::proof_seen(agents, found->text()));
  }
  Finding finding{.state = differs ? "FAILS" : compared ? "HOLDS" : "UNDECIDED"};
  if (parts.empty()) {
    finding.explanation = words::proof_not_measured();
    return finding;
  }
  words::Proof proof = compared ? words::Proof::kSurvives : words::Proof::kUndecided;
  if (differs_alike) {
    proof = words::Proof::kHostDiffers;
  } else if (differs) {
    proof = host_moved ? words::Proof::kHostMoved : words::Proof::kAgentsDiffer;
  }
  finding.explanation = words::proof(proof, concurrency, parts);
  return finding;
}

Finding judge_descent(const std::vector<Step>& ramp, std::vector<Step>& after, std::optional<double> knee) {
  std::vector<const Step*> rows;
  std::vector<std::string> changed;
  std::size_t compared = 0;
  for (Step& step : after) {
    if (step.role != "descending") continue;
    step.note = words::descending();
    const bool top = rows.empty();
    rows.push_back(&step);
    const Step* before = reference_row(ramp, step.concurrency);
    auto found = before == nullptr ? std::nullopt : row_change(*before, step);
    // Past saturation TTFT is how long the queue is, and that hangs on how requests happened to fall into
    // step.
    if (found && knee && step.concurrency > *knee)
      found->ttft_error = std::numeric_limits<double>::infinity();
    if (!found) {
      step.note += words::descending_not_comparable(why_invalid(step));
      continue;
    }
    ++compared;
    step.note += "; " + (found->matters() ? found->text() : words::descending_alike());
    if (!top) step.note += words::descending_recovered(step.recovery_seconds);
    if (found->matters()) changed.push_back(words::descending_changed(step.concurrency, found->text()));
  }
  Finding finding{.state = !changed.empty() ? "HYSTERESIS" : compared > 0 ? "NO HYSTERESIS" : "UNDECIDED"};
  if (rows.empty() || compared == 0) {
    finding.explanation = rows.empty() ? words::descent_not_measured() : words::descent_not_comparable();
    return finding;
  }
  finding.explanation = changed.empty() ? words::no_hysteresis(rows.front()->concurrency, compared)
                                        : words::hysteresis(rows.front()->concurrency, changed, compared);
  const auto below = std::find_if(rows.begin() + 1, rows.end(),
                                  [&](const Step* step) { return knee && step->concurrency < *knee; });
  if (below != rows.end() && *below != rows.back())
    finding.explanation += " " + words::back_below((*std::prev(below))->concurrency, (*below)->concurrency,
                                                   (*below)->recovery_seconds);
  if (rows.size() > 1)
    finding.explanation += " " + words::back_at_base(rows.back()->concurrency, rows.back()->recovery_seconds);
  return finding;
}

}  // namespace kneepoint::coordinator
