#include "coordinator/verdict/page_remarks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/measure/reconcile.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator {
namespace {

/// Prompt tokens that the prefix cache held, from which on they spare a step much of its work.
constexpr double kManyHits = 0.5;
/// Between two rows, of the prompt tokens that the cache held, or of the draft tokens that were accepted:
/// from here on it is not the load alone that the rows differ by.
constexpr double kRatioMoves = 0.1;

using Steps = std::vector<const Step*>;

Steps steps_where(const ScenarioResult& result, const std::function<bool(const Step&)>& holds) {
  Steps found;
  for (const Step& step : result.steps) {
    if (step.telemetry && holds(step)) found.push_back(&step);
  }
  return found;
}

std::string at_loads(const Steps& steps) {
  std::vector<std::string> labels;
  for (const Step* step : steps) labels.push_back(row_label(*step));
  if (labels.size() > 3) return fmt::format("{} steps ({} is one)", labels.size(), labels.front());
  return fmt::format("{}", fmt::join(labels, " and "));
}

struct PageRemark {
  const char* state;
  const char* code;
};
constexpr PageRemark kPages[] = {
    {"partial", "page_partial"}, {"others", "other_tenants"},   {"stale", "page_stale"},
    {"frozen", "page_frozen"},   {"rotating", "page_rotating"},
};

void remark_on_state(const ScenarioResult& result, const PageRemark& page, Verdict& verdict) {
  const Steps steps =
      steps_where(result, [&](const Step& s) { return s.telemetry->page.state == page.state; });
  if (steps.empty()) return;
  const auto plainest = *std::max_element(steps.begin(), steps.end(), [](const Step* a, const Step* b) {
    const auto off = [](const Step* s) { return std::abs(s->telemetry->page.tokens_ratio.value_or(1) - 1); };
    return off(a) < off(b);
  });
  std::string text = fmt::format("at {} {}", row_label(*plainest), describe(plainest->telemetry->page));
  if (steps.size() > 1) text += fmt::format(" (and so at {} of {} steps)", steps.size(), result.steps.size());
  if (std::string_view(page.state) != "others") text += "; no bottleneck rests on it";
  verdict.warn(page.code, std::move(text));
}

void remark_on_counts(const ScenarioResult& result, Verdict& verdict) {
  const Steps steps = steps_where(result, [](const Step& s) {
    const PageCheck& page = s.telemetry->page;
    // A count that was refuted is told by verdict/token_counts, with all of its witnesses.
    const bool told =
        s.token_count && (s.token_count->state == "corrected" || s.token_count->state == "differs");
    return !told && page.state == "covered" && page.tokens_ratio && page.requests_ratio &&
           std::abs(*page.requests_ratio - 1) <= 1 - ReconcileLimits::kLeast &&
           std::abs(*page.tokens_ratio - 1) > 1 - ReconcileLimits::kLeast;
  });
  if (steps.empty()) return;
  const Step& step = *steps.front();
  verdict.warn(
      "token_counts_differ",
      fmt::format("at {} the engine counted {} output tokens a second and the answers {}, for the same "
                  "requests; one of the two counts is wrong",
                  row_label(step), format_figure(step.telemetry->server_tokens_per_second.value_or(0)),
                  format_figure(step.output_tokens_per_second.value.value_or(0))));
}

/// The engine's own TTFT is a part of the client's. What comes before its first token is none.
void remark_on_first_token(const ScenarioResult& result, Verdict& verdict) {
  constexpr double kSurely = 1.5, kFewest = 20, kLeastSeconds = 0.01;
  const Steps steps = steps_where(result, [](const Step& s) {
    const auto& engine = s.telemetry->ttft_mean_seconds;
    const auto& client = s.ttft_seconds.mean;
    return s.valid && s.telemetry->page.state == "covered" && engine && client &&
           static_cast<double>(s.ttft_seconds.count) >= kFewest &&
           *engine > std::max(kSurely * *client, *client + kLeastSeconds);
  });
  if (steps.empty()) return;
  const Step& step = *steps.back();
  verdict.reserve("ttft_differs",
                  fmt::format("at {} the first content came after {} on average, the engine's first token "
                              "after {}: what comes first is no token",
                              row_label(step), format_time(*step.ttft_seconds.mean),
                              format_time(*step.telemetry->ttft_mean_seconds)));
}

/// Whether the cache spares rows work, and whether it spares all of them the same.
void remark_on_cache(const ScenarioResult& result, Verdict& verdict) {
  const Step* most = nullptr;
  for (const Step& step : result.steps) {
    if (step.cache_hits() && (most == nullptr || *step.cache_hits() > *most->cache_hits())) most = &step;
  }
  if (most == nullptr) return;
  // By the same witness, or they say nothing of each other.
  const Step* least = most;
  const auto likewise = [&](const Step& step) {
    return most->cached_prompt_ratio ? step.cached_prompt_ratio
           : step.telemetry          ? step.telemetry->prefix_hit_ratio
                                     : std::nullopt;
  };
  for (const Step& step : result.steps) {
    if (likewise(step) && *likewise(step) < *likewise(*least)) least = &step;
  }
  const bool moves = *likewise(*most) - *likewise(*least) >= kRatioMoves;
  if (!moves && *likewise(*most) < kManyHits) return;
  std::string text = fmt::format("{:.0f} % of the prompt tokens at {} came out of the server's prefix cache",
                                 *likewise(*most) * 100, row_label(*most));
  if (most->cached_prompt_ratio && most->telemetry && most->telemetry->page.state == "covered" &&
      std::abs(most->telemetry->prefix_hit_ratio.value_or(*most->cached_prompt_ratio) -
               *most->cached_prompt_ratio) > kRatioMoves)
    text += fmt::format(" as its answers say, {:.0f} % as its page does",
                        *most->telemetry->prefix_hit_ratio * 100);
  if (moves)
    text += fmt::format(", {:.0f} % at {}: rows were not spared the same work", *likewise(*least) * 100,
                        row_label(*least));
  verdict.warn("prefix_cache", std::move(text));
}

/// Drafts that are accepted less often as the load grows move the knee: the tokens that an iteration gives
/// are fewer there than the lowest row promised.
void remark_on_drafts(const ScenarioResult& result, Verdict& verdict) {
  Steps steps = steps_where(
      result, [](const Step& s) { return s.valid && s.telemetry->spec_acceptance_ratio.has_value(); });
  std::stable_sort(steps.begin(), steps.end(),
                   [](const Step* a, const Step* b) { return a->load() < b->load(); });
  const auto accepted = [](const Step* s) { return *s->telemetry->spec_acceptance_ratio; };
  if (steps.size() < 2 || steps.front()->load() == steps.back()->load()) return;
  if (accepted(steps.front()) - accepted(steps.back()) < kRatioMoves) return;
  // A fall with the load, and no row that is out of line: the upper half lies below the lowest row.
  const auto upper = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  const bool with_load =
      std::all_of(upper, steps.end(), [&](const Step* s) { return accepted(s) < accepted(steps.front()); });
  if (!with_load) return;
  std::string text =
      fmt::format("fewer draft tokens are accepted as the load grows: {:.0f} % at {}, {:.0f} % at {}",
                  accepted(steps.front()) * 100, row_label(*steps.front()), accepted(steps.back()) * 100,
                  row_label(*steps.back()));
  const auto& before = steps.front()->telemetry->spec_acceptance_length;
  const auto& after = steps.back()->telemetry->spec_acceptance_length;
  if (before && after) text += fmt::format(" ({:.2f} tokens a step, then {:.2f})", *before, *after);
  verdict.warn("draft_acceptance", text + "; the saturation point holds for this acceptance");
}

}  // namespace

void remark_on_pages(const ScenarioResult& result, Verdict& verdict) {
  for (const PageRemark& page : kPages) remark_on_state(result, page, verdict);
  remark_on_counts(result, verdict);
  remark_on_first_token(result, verdict);
  remark_on_cache(result, verdict);
  remark_on_drafts(result, verdict);
  Steps in_step;
  for (const Step& step : result.steps) {
    if (step.has_flag("IN_STEP")) in_step.push_back(&step);
  }
  if (!in_step.empty()) {
    verdict.warn("in_step",
                 fmt::format("at {} streams run in step: answers of one length end and begin together",
                             at_loads(in_step)));
  }
}

}  // namespace kneepoint::coordinator
