#include "coordinator/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "coordinator/measure/repeat.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/engine_load.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/bottlenecks.h"
#include "coordinator/words/comparison.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"
#include "coordinator/words/short_answer.h"

namespace kneepoint::coordinator {
namespace {

constexpr std::size_t kLead = 10;
constexpr std::size_t kMostLinesOfCause = 3;
/// Of the table of several results.
constexpr std::size_t kMostResults = 5, kNarrowestTitle = 20;

/// The lowest load that was measured validly.
const Step* lowest(const ScenarioResult& result) {
  const Step* found = nullptr;
  for (const Step& step : result.steps) {
    if (stands(step) && (found == nullptr || step.load() < found->load())) found = &step;
  }
  return found;
}

const Step* row_at(const ScenarioResult& result, double load) {
  for (const Step& step : result.steps) {
    if (stands(step) && std::abs(step.load() - load) < 1e-9) return &step;
  }
  return nullptr;
}

std::string user_line(const Step& step) {
  const std::string text = words::one_answer(step.ttft_seconds.p50, step.tpot_seconds.p50);
  return text.empty() ? figures_of(step) : text;
}

std::optional<double> percentile_of(const LatencySummary& latency, std::string_view percentile) {
  return percentile == "p50"   ? latency.p50
         : percentile == "p90" ? latency.p90
         : percentile == "p95" ? latency.p95
         : percentile == "p99" ? latency.p99
                               : std::nullopt;
}

/// The percentile that a limit of this name is about, where the row has it: "ttft_p95", "e2e_p90 of chat".
std::optional<double> figure_of(const Step& step, const std::string& name) {
  constexpr std::string_view kOf = " of ";
  const std::size_t mark = name.find("_p"), of = name.find(kOf);
  if (mark == name.npos) return std::nullopt;
  const std::string metric = name.substr(0, mark);
  const std::string percentile = name.substr(mark + 1, of == name.npos ? of : of - mark - 1);
  if (of != name.npos) {
    const auto share = std::find_if(step.classes.begin(), step.classes.end(), [&](const Share& each) {
      return each.name == name.substr(of + kOf.size());
    });
    if (share == step.classes.end()) return std::nullopt;
    if (metric == "ttft") return percentile_of(share->ttft_seconds, percentile);
    if (metric == "tpot") return percentile_of(share->tpot_seconds, percentile);
    if (metric == "e2e") return percentile_of(share->e2e_seconds, percentile);
    return std::nullopt;
  }
  if (metric == "ttft") return percentile_of(step.ttft_seconds, percentile);
  if (metric == "ttfo") return percentile_of(step.ttfo_seconds, percentile);
  if (metric == "tpot") return percentile_of(step.tpot_seconds, percentile);
  if (metric == "icl") return percentile_of(step.icl_seconds, percentile);
  if (metric == "e2e") return percentile_of(step.e2e_seconds, percentile);
  return std::nullopt;
}

/// " (TTFT p95 543 ms > 500 ms)": each limit that is surely missed in the row, with what was measured.
std::string missed_at(const ScenarioResult& result, double load) {
  const Step* const step = row_at(result, load);
  if (step == nullptr) return "";
  std::vector<std::string> missed;
  for (const SloCriterion& criterion : result.slo.criteria) {
    const auto check = std::find_if(step->slo.begin(), step->slo.end(),
                                    [&](const SloCheck& each) { return each.name == criterion.name; });
    if (check == step->slo.end() || check->state != "FAIL") continue;
    const auto figure = figure_of(*step, criterion.name);
    // A percentile within its limit beside a miss counts requests that never answered: no figure shows that.
    const bool shows = figure && *figure > criterion.limit;
    missed.push_back(words::missed(criterion.name, criterion.limit, shows ? figure : std::nullopt));
  }
  return words::all_missed(missed);
}

/// A load as the reader is told it: "32", of a rate "20/s".
std::string told(const ScenarioResult& result, double load) {
  return load_label(result.load_kind(), load);
}

/// A row there was neither surely good nor surely bad: to say only where it breaks would say that it was
/// good.
bool measured_between(const ScenarioResult& result, const Interval& bracket) {
  return std::any_of(result.steps.begin(), result.steps.end(), [&](const Step& step) {
    return stands(step) && step.load() > bracket.low && step.load() < bracket.high;
  });
}

std::string slo_line(const ScenarioResult& result) {
  const SloCriterion& all = result.slo.joint ? *result.slo.joint : result.slo.criteria.front();
  const std::string upto = all.concurrency ? told(result, *all.concurrency) : "";
  if (all.state == "BRACKETED" && all.concurrency && all.ci95)
    return words::slo_holds_then_breaks(upto, told(result, all.ci95->high), missed_at(result, all.ci95->high),
                                        measured_between(result, *all.ci95));
  if (all.state == "PASS" && all.concurrency) return words::slo_holds_to_the_top(upto);
  if (all.state == "FAIL") {
    const Step* const first = lowest(result);
    return words::slo_holds_nowhere(first == nullptr ? "" : missed_at(result, first->load()));
  }
  if (!all.doubt.empty()) return slo_sentence(all, result.load_kind());
  if (all.ci95)  // undecided, and it is known to break somewhere
    return words::slo_breaks_undecided(upto, told(result, all.ci95->high), missed_at(result, all.ci95->high));
  return all.concurrency ? words::slo_undecided_above(upto) : words::slo_undecided();
}

/// What the engine said where the host was full: "48 running, 16 waiting".
std::string engine_at(const ScenarioResult& result, double load) {
  const Step* const step = row_at(result, load);
  if (step == nullptr || !step->telemetry || !step->telemetry->page.evidence()) return "";
  const auto running = running_in_engine(*step, *step->telemetry);
  const auto waiting = waiting_in_engine(*step, *step->telemetry);
  if (!running || !waiting) return "";
  return words::engine_had(told(result, load), *running, *waiting);
}

/// Who asked for one load only asked for no saturation point.
std::string not_found(const ScenarioResult& result) {
  std::set<double> tried, valid;
  for (const Step& step : result.steps) {
    tried.insert(step.load());
    if (stands(step)) valid.insert(step.load());
  }
  if (valid.empty()) return words::full_no_valid_step();
  if (tried.size() == 1) return words::full_not_asked(told(result, *valid.begin()));
  if (valid.size() == 1) return words::full_one_valid(told(result, *valid.begin()));
  return words::full_not_shown(told(result, *valid.begin()), told(result, *valid.rbegin()));
}

/// The same with its unit, where a reader would take it for requests in flight.
std::string told_in_full(const ScenarioResult& result, double load) {
  const std::string text = told(result, load);
  return result.load_kind() == LoadKind::kUsers ? words::so_many_sessions(text) : text;
}

/// "22", "45 sessions", "between 16 and 32", "above 32 (not reached)": where the host is full.
std::string full_words(const ScenarioResult& result) {
  const Saturation& found = result.saturation;
  if (found.concurrency) return told_in_full(result, *found.concurrency);
  if (found.ci95)
    return words::full_between(told(result, found.ci95->low), told_in_full(result, found.ci95->high));
  return found.lower_bound ? words::full_above(told_in_full(result, *found.lower_bound)) : not_found(result);
}

/// The highest load that was measured validly; 0: none was.
double top_of(const ScenarioResult& result) {
  double top = 0;
  for (const Step& step : result.steps) {
    if (stands(step)) top = std::max(top, step.load());
  }
  return top;
}

/// Whether the engine's figures say something of what gives out: they say nothing of what lies before it.
bool engine_tells(const Saturation& found) {
  constexpr std::array<std::string_view, 4> kBefore = {"admission", "client", "errors", "network"};
  const bool before = std::find(kBefore.begin(), kBefore.end(), found.bottleneck) != kBefore.end();
  return !before && (found.ci95 || !found.bottleneck.empty());
}

/// What gives out, what the engine said of it, and the way out. What gives out can show before the knee does,
/// which is told from twice its load: then that is said, too.
std::string full_line(const ScenarioResult& result) {
  const Saturation& found = result.saturation;
  const double top = std::max(top_of(result), found.lower_bound.value_or(0));
  const bool open_end = !found.ci95 && found.lower_bound;
  std::vector<std::string> why;
  // Of a host that is gone, or that fails, or a generator at its limit no higher load says more.
  if (open_end && !result.verdict.has("target_down") && found.bottleneck != "errors" &&
      found.bottleneck != "client")
    why.push_back(words::scan_on(told(result, 2 * top)));
  if (!found.bottleneck.empty()) why.push_back(words::gives_out(found.bottleneck, !found.ci95, open_end));
  const double seen_at = found.ci95 ? found.ci95->high : top;
  if (const std::string engine = engine_tells(found) ? engine_at(result, seen_at) : ""; !engine.empty())
    why.push_back(engine);
  return words::full_line(full_words(result), found.ci95 || open_end, why, way_out(found.bottleneck));
}

/// "holds up to 16": of the SLO, without what was measured there.
std::string slo_words(const ScenarioResult& result) {
  const SloCriterion& all = result.slo.joint ? *result.slo.joint : result.slo.criteria.front();
  const std::string upto = all.concurrency ? told(result, *all.concurrency) : "";
  if (all.state == "FAIL") return words::slo_holds_nowhere("");
  if (all.state == "BRACKETED" && all.concurrency) return words::slo_holds(upto);
  if (all.concurrency) return words::slo_holds_at_least(upto);
  return all.ci95 ? words::slo_breaks(told(result, all.ci95->high)) : words::slo_not_decided();
}

/// The saturation point in a cell of a table.
std::string full_figure(const Saturation& found) {
  if (found.concurrency) return format_figure(*found.concurrency);
  if (found.ci95)
    return fmt::format("{}–{}", format_figure(found.ci95->low), format_figure(found.ci95->high));
  return found.lower_bound ? "> " + format_figure(*found.lower_bound) : "–";
}

/// What all of the run's requests came to, the longest that a stream was silent, and what a host said.
void add_errors(const Report& report, std::vector<AnswerLine>& lines) {
  std::vector<Step> steps;
  for (const ScenarioResult& result : report.results)
    steps.insert(steps.end(), result.steps.begin(), result.steps.end());
  const auto longest = longest_silence(steps);
  const RequestCounts all = all_requests(steps);
  lines.push_back({words::kErrors, words::errors_line(errors_words(all), longest)});
  if (std::string example = example_of(all); !example.empty()) lines.push_back({"", std::move(example), 1});
}

/// Where there is room for one line a result only.
std::string side_by_side(const Report& report, std::size_t width) {
  Table table{{{"", 0, true}, {"full at", 9}, {"SLO", 18, true}, {"tok/s", 7}, {"trust", 17, true}}, {}};
  std::size_t rest = 0;
  for (const Column& column : table.columns) rest += 2 + column.width;
  const bool trust = rest - 2 + kNarrowestTitle <= width;
  if (!trust) {
    rest -= 2 + table.columns.back().width;
    table.columns.pop_back();
  }
  table.columns.front().width = std::max(width, rest - 2 + kNarrowestTitle) - (rest - 2);
  for (const ScenarioResult& result : report.results) {
    if (table.rows.size() == kMostResults) break;
    const auto& most = result.saturation.max_output_tokens_per_second;
    std::vector<std::string> row = {words::scenario_on_target(result), full_figure(result.saturation),
                                    result.slo.criteria.empty() ? "–" : slo_words(result),
                                    most ? format_figure(*most) : "–"};
    if (trust) row.emplace_back(to_string(result.verdict.trust()));
    table.rows.push_back(std::move(row));
  }
  std::string out = draw_text(table);
  if (report.results.size() > kMostResults)
    out += words::and_more_in_the_report(report.results.size() - kMostResults);
  return out;
}

}  // namespace

std::string answer_words(const ScenarioResult& result) {
  if (result.soak) return words::soak_in_one_line(result.soak->state);
  return words::in_one_line(full_words(result), result.slo.criteria.empty() ? "" : slo_words(result));
}

std::vector<AnswerLine> answer_lines(const Report& report) {
  std::vector<AnswerLine> lines;
  if (report.results.size() == 1) {
    const ScenarioResult& result = report.results.front();
    if (const Step* const first = lowest(result)) {
      const bool one = !is_rate(first->load_kind()) && first->load() == 1;
      lines.push_back({one ? words::kOneUser : words::lead_at(load_label(*first)), user_line(*first), 1});
    }
    if (!result.slo.criteria.empty()) lines.push_back({words::kYourSlo, slo_line(result)});
    lines.push_back(result.soak ? AnswerLine{words::kSoak, result.soak->explanation, kMostLinesOfCause}
                                : AnswerLine{words::kFullAt, full_line(result), kMostLinesOfCause});
  }
  add_errors(report, lines);
  return lines;
}

std::string answer_line(const AnswerLine& line, std::size_t width) {
  // A long lead, as of a rate with digits behind the point, is parted from its text all the same.
  return wrapped(fmt::format("{:<{}} ", line.lead, kLead - 1), line.text, width, line.most_lines);
}

std::string render_answer(const Report& report, std::size_t width) {
  std::string out = report.results.size() > 1 ? side_by_side(report, width) : "";
  for (const AnswerLine& line : answer_lines(report)) out += answer_line(line, width);
  return out;
}

}  // namespace kneepoint::coordinator
