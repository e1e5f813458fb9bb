#include "coordinator/verdict/page_remarks.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "coordinator/measure/reconcile.h"
#include "coordinator/words/pages.h"

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

struct PageRemark {
  const char* state;
  const char* code;
};
constexpr PageRemark kPages[] = {
    {"partial", "page_partial"}, {"others", "other_tenants"}, {"stale", "page_stale"},
    {"unlike", "page_unlike"},   {"frozen", "page_frozen"},   {"rotating", "page_rotating"},
};

void remark_on_state(const ScenarioResult& result, const PageRemark& page, Verdict& verdict) {
  const Steps steps =
      steps_where(result, [&](const Step& s) { return s.telemetry->page.state == page.state; });
  if (steps.empty()) return;
  const auto plainest = *std::max_element(steps.begin(), steps.end(), [](const Step* a, const Step* b) {
    const auto off = [](const Step* s) { return std::abs(s->telemetry->page.tokens_ratio.value_or(1) - 1); };
    return off(a) < off(b);
  });
  const bool witness = std::string_view(page.state) == "others";
  verdict.warn(page.code, words::page_at(*plainest, steps.size(), result.steps.size(), witness));
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
  verdict.warn("token_counts_differ", words::engine_counts_otherwise(*steps.front()));
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
  verdict.reserve("ttft_differs", words::first_content_before_engine(*steps.back()));
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
  std::optional<double> by_page;
  if (most->cached_prompt_ratio && most->telemetry && most->telemetry->page.state == "covered" &&
      std::abs(most->telemetry->prefix_hit_ratio.value_or(*most->cached_prompt_ratio) -
               *most->cached_prompt_ratio) > kRatioMoves)
    by_page = most->telemetry->prefix_hit_ratio;
  verdict.warn("prefix_cache", words::prefix_cache(*most, *likewise(*most), by_page, *least,
                                                   moves ? likewise(*least) : std::nullopt));
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
  verdict.warn("draft_acceptance", words::fewer_drafts_accepted(*steps.front(), *steps.back()));
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
  if (!in_step.empty()) verdict.warn("in_step", words::streams_run_in_step(in_step));
}

}  // namespace kneepoint::coordinator
