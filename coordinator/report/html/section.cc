#include "coordinator/report/html/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/page.h"
#include "coordinator/report/html/summary.h"
#include "coordinator/report/html/tables.h"
#include "coordinator/report/tables.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"

namespace kneepoint::coordinator::html {
namespace {

template <class Has>
bool any_step(const ScenarioResult& result, Has has) {
  return std::any_of(result.steps.begin(), result.steps.end(), has);
}

std::string latency_chart(const ScenarioResult& result, std::size_t index, std::string_view kind,
                          LatencySummary Step::*latency, const words::ChartWords& told) {
  if (!any_step(result, [&](const Step& step) { return (step.*latency).p50.has_value(); })) return {};
  return chart_figure(kind, index, told);
}

/// How latencies were spread second by second, where the run's course is known.
std::string heat_charts(const ScenarioResult& result, std::size_t index, const RunTimeline& timeline) {
  const auto span = std::find_if(timeline.spans.begin(), timeline.spans.end(), [&](const TimelineSpan& each) {
    return each.target == result.target && each.scenario == result.scenario;
  });
  if (span == timeline.spans.end()) return {};
  std::string markup;
  if (span->ttft.any()) {
    markup += chart_figure("ttft-heat", index, words::kTtftHeat);
  }
  if (span->icl.any()) {
    markup += chart_figure("icl-heat", index, words::kIclHeat);
  }
  if (!span->requests.empty()) {
    markup += chart_figure("requests", index, words::kRequests);
  }
  return markup;
}

bool has_failures(const ScenarioResult& result) {
  return any_step(result, [](const Step& s) { return s.requests.failed > 0; });
}

std::string goodput_chart(const ScenarioResult& result, std::size_t index) {
  if (!any_step(result, [](const Step& s) { return s.goodput_requests_per_second.has_value(); })) return {};
  return chart_figure("goodput", index, words::kGoodput, {}, load_name(result.load_kind()));
}

/// What a reader sees first: how much, how soon, when, and what failed.
std::string first_charts(const ScenarioResult& result, std::size_t index, const RunTimeline& timeline) {
  std::string markup =
      chart_figure("throughput", index, words::kThroughput, {}, load_name(result.load_kind()));
  markup += latency_chart(result, index, "ttft", &Step::ttft_seconds, words::kTtft);
  if (timeline.bins() > 1) {
    markup += chart_figure("timeline", index, words::kTimeline, "wide");
  }
  if (has_failures(result)) {
    markup += chart_figure("errors", index, words::kErrorsChart, {}, load_name(result.load_kind())) +
              goodput_chart(result, index);  // beside it, so that the row is full
  }
  return R"(<div class="charts">)" + markup + "</div>";
}

std::string charts(const ScenarioResult& result, std::size_t index, const RunTimeline& timeline) {
  std::string markup;
  markup += latency_chart(result, index, "tpot", &Step::tpot_seconds, words::kTpot);
  markup += latency_chart(result, index, "e2e", &Step::e2e_seconds, words::kE2e);
  const bool has_ttft = any_step(result, [](const Step& s) { return s.ttft_seconds.p50.has_value(); });
  const bool has_e2e = any_step(result, [](const Step& s) { return s.e2e_seconds.p50.has_value(); });
  if (has_ttft || has_e2e) {
    markup += chart_figure("tradeoff", index, words::kTradeoff);
  }
  if (any_step(result, [](const Step& s) { return s.output_tokens_per_second.value.has_value(); })) {
    markup += chart_figure("pareto", index, words::kPareto);
  }
  if (!has_failures(result)) markup += goodput_chart(result, index);
  markup += heat_charts(result, index, timeline);
  if (has_ttft) {
    markup += chart_figure("ladder", index, words::kLadder);
  }
  if (any_step(result, [](const Step& step) { return step.replicas.size() > 1; })) {
    markup += chart_figure("replica-throughput", index, words::kReplicaThroughput);
    markup += chart_figure("replica-ttft", index, words::kReplicaTtft);
  }
  markup += chart_figure("generator-cost", index, words::kGeneratorCost);
  markup += chart_figure("generator-lag", index, words::kGeneratorLag);
  return R"(<div class="charts">)" + markup + "</div>";
}

/// What was found after the ramp, and every row of it.
std::string after_the_ramp(const ScenarioResult& result, std::size_t index) {
  std::string markup;
  for (const auto& [title, sentences] : findings_of(result)) {
    markup += fmt::format(R"(<p class="evidence"><strong>{}:</strong> {}</p>)", title, escape(sentences));
  }
  markup += after_table(result, index);
  return markup.empty() ? markup : R"(<div class="broad"><h3>After the ramp</h3>)" + markup + "</div>";
}

/// What a folded result shows of itself: "N_sat 22.8 · N_slo 16".
std::string gist(const ScenarioResult& result) {
  std::string text = "N_sat " + inline_markup(saturation_figure(result).figure);
  if (const Figure slo = slo_figure(result).figure; slo.absent_reason.empty())
    text += " · N_slo " + inline_markup(slo);
  if (const Figure peak = peak_figure(result).figure; peak.absent_reason.empty())
    text += " · " + inline_markup(peak) + " output tok/s";
  return text;
}

}  // namespace

std::string section(const ScenarioResult& whole, std::size_t index, bool folded,
                    const RunTimeline& timeline) {
  const ScenarioResult result = brief(whole);
  const std::string title =
      fmt::format(R"(<h2 id="result-{}-title">{}</h2>)", index, escape(title_of(result)));
  std::string markup = fmt::format(
      R"(<section class="result" id="result-{0}" aria-labelledby="result-{0}-title">{1})", index,
      folded ? fmt::format(R"(<details class="cell"><summary>{} <span class="gist">{}</span></summary>)",
                           title, gist(result))
             : title);
  if (!result.model.empty()) {
    markup += fmt::format(R"(<p class="model">Model {}{}</p>)", escape(result.model),
                          result.load_seconds ? ", loaded in " + format_time(*result.load_seconds) : "");
  }
  if (folded) {
    // Its remarks stand in the panel at the top.
    markup +=
        fmt::format(R"(<p class="verdict">{}</p><p class="trust-word">{}</p>{}{})", verdict_sentence(result),
                    trust_sentence(result.verdict.trust()), evidence(result), key_figures(result));
  }
  markup += first_charts(result, index, timeline) + slo_table(result);
  if (const std::string table = recommendations_table(result); !table.empty()) {
    markup += R"(<div class="broad"><h3>Recommendations</h3>)" + table + "</div>";
  }
  markup += charts(result, index, timeline);
  markup += R"(<div class="broad"><h3>Steps</h3>)" + steps_table(result, index);
  if (const std::string note = brief_note(whole); !note.empty()) {
    markup +=
        fmt::format("<p>{}</p><details><summary>All {} rows, as they were measured</summary>{}</details>",
                    escape(note), whole.steps.size(), steps_table(whole, index));
  }
  markup += glossary(whole) + "</div>" + after_the_ramp(result, index);
  markup += R"(<details class="all-figures"><summary>Every figure of every step</summary>)" +
            figures_table(result, index) + "</details>";
  const std::string replicas = shares_table(result, &Step::replicas, "replica");
  const std::string classes = shares_table(result, &Step::classes, "prompt class");
  if (!classes.empty()) markup += "<h3>Prompt classes</h3>" + classes;
  if (!replicas.empty()) markup += "<details><summary>Replicas</summary>" + replicas + "</details>";
  if (const std::string pods = pods_table(result); !pods.empty())
    markup += "<details><summary>Pods and ranks</summary>" + pods + "</details>";
  markup += "<h3>Errors</h3>" + errors_table(result);
  if (const std::string slowest = slowest_table(result); !slowest.empty())
    markup += "<h3>Slowest requests</h3>" + slowest;
  return markup + (folded ? "</details></section>" : "</section>");
}

}  // namespace kneepoint::coordinator::html
