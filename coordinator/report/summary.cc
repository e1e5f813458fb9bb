#include "coordinator/report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "coordinator/measure/repeat.h"
#include "coordinator/report/tables.h"
#include "coordinator/report/text_layout.h"
#include "coordinator/results/engine_load.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/bottlenecks.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"

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
  std::string text;
  if (step.ttft_seconds.p50) text = "first token " + format_time(*step.ttft_seconds.p50);
  if (step.tpot_seconds.p50 && *step.tpot_seconds.p50 > 0)
    text +=
        fmt::format("{}{} tok/s", text.empty() ? "" : ", then ", format_figure(1 / *step.tpot_seconds.p50));
  return text.empty() ? figures_of(step) : text;
}

/// "ttft_p95 of chat" as a reader says it.
std::string spoken(const std::string& name) {
  std::string text = name;
  const std::size_t end = std::min(name.find(' '), name.size());
  const std::size_t mark = std::min(name.find('_'), end);
  for (std::size_t i = 0; i < mark; ++i)
    text[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
  if (mark < end) text[mark] = ' ';
  return text;
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
    missed.push_back(figure && *figure > criterion.limit
                         ? fmt::format("{} {} > {}", spoken(criterion.name), format_time(*figure),
                                       format_time(criterion.limit))
                         : fmt::format("{} over {}", spoken(criterion.name), format_time(criterion.limit)));
  }
  return missed.empty() ? "" : fmt::format(" ({})", fmt::join(missed, ", "));
}

std::string slo_line(const ScenarioResult& result) {
  const SloCriterion& all = result.slo.joint ? *result.slo.joint : result.slo.criteria.front();
  const auto at = [](double load) { return format_figure(load); };
  if (all.state == "BRACKETED" && all.concurrency && all.ci95)
    return fmt::format("holds up to {}, breaks at {}{}", at(*all.concurrency), at(all.ci95->high),
                       missed_at(result, all.ci95->high));
  if (all.state == "PASS" && all.concurrency)
    return fmt::format("holds up to {}, the most that was tried", at(*all.concurrency));
  if (all.state == "FAIL") {
    const Step* const first = lowest(result);
    return "holds nowhere" + (first == nullptr ? "" : missed_at(result, first->load()));
  }
  if (!all.doubt.empty()) return slo_sentence(all, result.load_kind());
  if (all.ci95) {  // undecided, and it is known to break somewhere
    return fmt::format(
        "breaks at {}{}; {}: too few requests", at(all.ci95->high), missed_at(result, all.ci95->high),
        all.concurrency ? fmt::format("holds up to {}, between the two not decided", at(*all.concurrency))
                        : "not decided below");
  }
  if (all.concurrency)
    return fmt::format("holds up to {}; not decided above: too few requests", at(*all.concurrency));
  return "not decided: too few requests; run it longer";
}

/// What the engine said where the host was full: "48 running, 16 waiting".
std::string engine_at(const ScenarioResult& result, double load) {
  const Step* const step = row_at(result, load);
  if (step == nullptr || !step->telemetry || !step->telemetry->page.evidence()) return "";
  const auto running = running_in_engine(*step, *step->telemetry);
  const auto waiting = waiting_in_engine(*step, *step->telemetry);
  if (!running || !waiting) return "";
  return fmt::format("at {} the engine had {:.0f} running and {:.0f} waiting", format_figure(load), *running,
                     *waiting);
}

/// Who asked for one load only asked for no saturation point.
std::string not_found(const ScenarioResult& result) {
  std::set<double> tried, valid;
  for (const Step& step : result.steps) {
    tried.insert(step.load());
    if (stands(step)) valid.insert(step.load());
  }
  if (valid.empty()) return "not found: no step is valid";
  if (tried.size() == 1)
    return fmt::format("not asked: {} is the only load; it takes several", format_figure(*valid.begin()));
  if (valid.size() == 1)
    return fmt::format("not found: only the row at {} is valid", format_figure(*valid.begin()));
  return fmt::format("not found: the rows from {} to {} show no saturation point",
                     format_figure(*valid.begin()), format_figure(*valid.rbegin()));
}

/// "22", "between 16 and 32", "above 32 (not reached)": where the host is full.
std::string full_words(const ScenarioResult& result) {
  const Saturation& found = result.saturation;
  if (found.concurrency) return format_figure(*found.concurrency);
  if (found.ci95)
    return fmt::format("between {} and {}", format_figure(found.ci95->low), format_figure(found.ci95->high));
  return found.lower_bound ? fmt::format("above {} (not reached)", format_figure(*found.lower_bound))
                           : not_found(result);
}

/// The highest load that was measured validly; 0: none was.
double top_of(const ScenarioResult& result) {
  double top = 0;
  for (const Step& step : result.steps) {
    if (stands(step)) top = std::max(top, step.load());
  }
  return top;
}

/// What gives out, what the engine said of it, and the way out. What gives out can show before the knee does,
/// which is told from twice its load: then that is said, too.
std::string full_line(const ScenarioResult& result) {
  const Saturation& found = result.saturation;
  const double top = top_of(result);
  const bool open_end = !found.ci95 && found.lower_bound;
  std::vector<std::string> why;
  // Of a host that is gone no higher load says more.
  if (open_end && !result.verdict.has("target_down"))
    why.push_back(fmt::format("scan to {} to see where", format_figure(2 * top)));
  if (!found.bottleneck.empty()) why.push_back((open_end ? "close to it already: " : "") + found.bottleneck);
  const double seen_at = found.ci95 ? found.ci95->high : top;
  if (const std::string engine = found.bottleneck.empty() && !found.ci95 ? "" : engine_at(result, seen_at);
      !engine.empty())
    why.push_back(engine);
  std::string text = full_words(result);
  if (!why.empty()) text += fmt::format("{} {}", found.ci95 || open_end ? ":" : ";", fmt::join(why, "; "));
  if (const auto remedy = way_out(found.bottleneck); !remedy.empty()) text += fmt::format(" → {}", remedy);
  return text;
}

/// "holds up to 16": of the SLO, without what was measured there.
std::string slo_words(const ScenarioResult& result) {
  const SloCriterion& all = result.slo.joint ? *result.slo.joint : result.slo.criteria.front();
  if ((all.state == "PASS" || all.state == "INDETERMINATE") && all.concurrency)
    return fmt::format("holds up to {} at least", format_figure(*all.concurrency));
  const std::string text = slo_line(result);
  return text.substr(0, std::min({text.find(", "), text.find(';'), text.find(" (")}));
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
  lines.push_back(
      {"Errors:", errors_words(all) + (longest ? "; longest silence " + format_time(*longest) : "")});
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
    std::vector<std::string> row = {
        fmt::format("{} on {}", result.scenario, result.target), full_figure(result.saturation),
        result.slo.criteria.empty() ? "–" : slo_words(result), most ? format_figure(*most) : "–"};
    if (trust) row.emplace_back(to_string(result.verdict.trust()));
    table.rows.push_back(std::move(row));
  }
  std::string out = draw_text(table);
  if (report.results.size() > kMostResults)
    out += fmt::format("and {} more in the report\n", report.results.size() - kMostResults);
  return out;
}

}  // namespace

std::string answer_words(const ScenarioResult& result) {
  if (result.soak) return "soak " + result.soak->state;
  const std::string text = "full " + full_words(result);
  return result.slo.criteria.empty() ? text : text + ", SLO " + slo_words(result);
}

std::vector<AnswerLine> answer_lines(const Report& report) {
  std::vector<AnswerLine> lines;
  if (report.results.size() == 1) {
    const ScenarioResult& result = report.results.front();
    if (const Step* const first = lowest(result)) {
      const bool one = !is_rate(first->load_kind()) && first->load() == 1;
      lines.push_back({one ? "One user:" : fmt::format("At {}:", load_label(*first)), user_line(*first), 1});
    }
    if (!result.slo.criteria.empty()) lines.push_back({"Your SLO:", slo_line(result)});
    lines.push_back(result.soak ? AnswerLine{"Soak:", result.soak->explanation, kMostLinesOfCause}
                                : AnswerLine{"Full at:", full_line(result), kMostLinesOfCause});
  }
  add_errors(report, lines);
  return lines;
}

std::string answer_line(const AnswerLine& line, std::size_t width) {
  return wrapped(fmt::format("{:<{}}", line.lead, kLead), line.text, width, line.most_lines);
}

std::string render_answer(const Report& report, std::size_t width) {
  std::string out = report.results.size() > 1 ? side_by_side(report, width) : "";
  for (const AnswerLine& line : answer_lines(report)) out += answer_line(line, width);
  return out;
}

}  // namespace kneepoint::coordinator
