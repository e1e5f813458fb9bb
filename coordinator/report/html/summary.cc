#include "coordinator/report/html/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/measure/repeat.h"
#include "coordinator/report/ending.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/html/columns.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/failures.h"
#include "coordinator/words/flags.h"

namespace kneepoint::coordinator::html {
namespace {

/// Of the rows that the sentence above the tiles is made of ("at most 2,091 output tok/s"): second looks,
/// too.
const Step* peak_step(const ScenarioResult& result) {
  const Step* peak = nullptr;
  const auto look_at = [&](const Step& step) {
    if (!stands(step) || !step.output_tokens_per_second.value) return;
    if (!peak || *step.output_tokens_per_second.value > *peak->output_tokens_per_second.value) peak = &step;
  };
  for (const Step& step : result.steps) look_at(step);
  for (const Step& step : result.after) {
    if (step.role == "confirmation") look_at(step);
  }
  return peak;
}

/// The valid step of the highest load that passes `keep`.
template <class Keep>
const Step* highest_step(const ScenarioResult& result, Keep keep) {
  const Step* highest = nullptr;
  for (const Step& step : result.steps) {
    if (step.valid && keep(step) && (!highest || step.load() > highest->load())) highest = &step;
  }
  return highest;
}

std::string unit_of(LoadKind kind) {
  if (kind == LoadKind::kSessionRate) return "sessions/s";
  return kind == LoadKind::kRate ? "req/s" : kind == LoadKind::kUsers ? "sessions" : "concurrent";
}

/// "32 concurrent", "32 sessions", "20 req/s"
std::string step_text(const Step& step) {
  return fmt::format("{} {}", format_figure(step.load()), unit_of(step.load_kind()));
}

/// "ttft_p95" -> "TTFT p95"
std::string criterion_label(const std::string& name) {
  const std::size_t underscore = name.find('_');
  std::string label = name;
  std::transform(
      label.begin(), label.begin() + static_cast<std::ptrdiff_t>(std::min(underscore, label.size())),
      label.begin(), [](char c) { return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  std::replace(label.begin(), label.end(), '_', ' ');
  return label;
}

Figure criterion_figure(const SloCriterion& criterion) {
  Figure figure =
      number(criterion.concurrency, "No load was shown to meet it: " + criterion_meaning(criterion));
  if (criterion.concurrency && criterion.state == "PASS") figure.text = "≥ " + figure.text;
  return figure;
}

std::string tile(const KeyFigure& key) {
  return fmt::format(
      R"(<div class="tile"><dt>{}</dt><dd><span class="value">{}</span> <span class="unit">{}</span><span class="detail">{}</span></dd></div>)",
      escape(key.label), inline_markup(key.figure), escape(key.figure.absent_reason.empty() ? key.unit : ""),
      escape(key.figure.absent_reason.empty() ? key.detail : key.figure.absent_reason));
}

/// Each kind of failure with one of them; empty where nothing failed.
std::string errors_card(const ScenarioResult& result) {
  std::string list;
  for (const std::string& each : failure_sentences(result, all_requests(result.steps)))
    list += fmt::format("<li>{}</li>", escape(each));
  if (list.empty()) return {};
  return fmt::format(R"(<div class="failures"><p>Errors: {}</p><ul>{}</ul></div>)",
                     escape(errors_words(all_requests(result.steps))), list);
}

}  // namespace

std::string title_of(const ScenarioResult& result) {
  return result.target + " · " + result.scenario;
}

std::string verdict_sentence(const ScenarioResult& result) {
  return escape(saturation_sentence(result));
}

std::string evidence(const ScenarioResult& result) {
  const Saturation& saturation = result.saturation;
  std::string text;
  if (!saturation.explanation.empty()) {
    text = fmt::format("<strong>Evidence:</strong> {}", escape(saturation.explanation));
  }
  if (!saturation.shape.empty()) {
    // What its words say of the way past the knee, the evidence says.
  } else if (const std::string_view meaning = knee_meaning(saturation.knee_kind); !meaning.empty()) {
    text += fmt::format(" {}", meaning);
  }
  return text.empty() ? text : fmt::format(R"(<p class="evidence">{}</p>)", text);
}

std::string answer_list(const Report& report) {
  std::string rows;
  std::vector<AnswerLine> lines = answer_lines(report);
  for (AnswerLine& line : closing_lines(report)) {
    if (line.lead != kVerdictLead) lines.push_back(std::move(line));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].lead.empty()) rows += fmt::format("<div><dt>{}</dt><dd>", escape(lines[i].lead));
    rows += escape(lines[i].text);
    rows += i + 1 == lines.size() || !lines[i + 1].lead.empty() ? "</dd></div>" : "<br>";
  }
  return R"(<dl class="answer">)" + rows + "</dl>";
}

std::string thresholds_panel(const std::vector<ThresholdOutcome>& thresholds) {
  if (thresholds.empty()) return {};
  const auto count = [&](std::string_view state) {
    return std::count_if(thresholds.begin(), thresholds.end(),
                         [&](const ThresholdOutcome& each) { return each.state == state; });
  };
  const auto missed = count("MISSED"), unchecked = count("UNCHECKED");
  std::string list;
  for (const ThresholdOutcome& each : thresholds)
    list += fmt::format("<li>{}</li>", escape(threshold_sentence(each)));
  return fmt::format(
      R"(<div class="trust {}"><span class="mark" aria-hidden="true">{}</span><div><p>Thresholds: {} held, {} missed, )"
      R"({} unchecked</p><ul>{}</ul></div></div>)",
      missed > 0      ? "bad"
      : unchecked > 0 ? "fair"
                      : "good",
      missed > 0      ? "✕"
      : unchecked > 0 ? "!"
                      : "✓",
      count("HELD"), missed, unchecked, list);
}

std::string trust_panel(const Verdict& verdict, std::size_t most) {
  std::string_view kind = "good", mark = "✓";
  if (verdict.trust() == Trust::kReserved) kind = "fair", mark = "!";
  if (verdict.trust() == Trust::kUntrusted) kind = "bad", mark = "✕";
  const std::vector<Remark>& remarks = verdict.remarks();
  std::string shown, folded;
  for (std::size_t i = 0; i < remarks.size(); ++i) {
    (i < most ? shown : folded) +=
        fmt::format(R"(<li class="{}"><strong>{}:</strong> {}</li>)", to_string(remarks[i].weight),
                    weight_word(remarks[i].weight), escape(remark_sentence(remarks[i])));
  }
  if (!shown.empty()) shown = "<ul>" + shown + "</ul>";
  if (!folded.empty()) {
    folded = fmt::format("<details><summary>{} more</summary><ul>{}</ul></details>", remarks.size() - most,
                         folded);
  }
  return fmt::format(
      R"(<div class="trust {}"><span class="mark" aria-hidden="true">{}</span><div><p>{}</p>{}{}</div></div>)",
      kind, mark, trust_sentence(verdict.trust()), shown, folded);
}

KeyFigure saturation_figure(const ScenarioResult& result) {
  const Saturation& saturation = result.saturation;
  KeyFigure key{.label = "Saturation point, N_sat", .unit = unit_of(result.load_kind())};
  if (saturation.concurrency) {
    key.figure = number(saturation.concurrency, {});
    key.detail = saturation.ci95 ? "95 % CI " + interval_text(*saturation.ci95) : "no confidence interval";
  } else if (saturation.ci95) {
    key.figure = number(saturation.ci95->low, {});
    key.figure.text = interval_text(*saturation.ci95);
    key.detail = "a range: no single concurrency was claimed";
  } else if (saturation.lower_bound) {
    key.figure = number(saturation.lower_bound, {});
    key.figure.text = "> " + key.figure.text;
    key.detail = "not reached: a lower bound";
  } else {
    key.figure = absent("It takes several valid steps to tell");
  }
  return key;
}

KeyFigure slo_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Within the SLO, N_slo", .unit = unit_of(result.load_kind())};
  const SloCriterion* criterion = nullptr;
  if (result.slo.joint) {
    criterion = &*result.slo.joint;
  } else if (!result.slo.criteria.empty()) {
    criterion = &result.slo.criteria.front();
  }
  if (!criterion) {
    key.figure = absent("The plan sets no SLO");
    return key;
  }
  key.figure = criterion_figure(*criterion);
  key.detail = criterion_meaning(*criterion);
  return key;
}

KeyFigure peak_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Peak throughput", .unit = "output tok/s"};
  const Step* peak = peak_step(result);
  if (!peak) {
    key.figure = absent("No valid step received tokens");
    return key;
  }
  key.figure = number(peak->output_tokens_per_second.value, {});
  const auto& ci95 = peak->output_tokens_per_second.ci95;
  key.detail = fmt::format("at {}{}", step_text(*peak), ci95 ? "; 95 % CI " + interval_text(*ci95) : "");
  return key;
}

KeyFigure ttft_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "TTFT p95 at the knee"};
  const auto knee = result.saturation.middle();
  const Step* below = highest_step(result, [&](const Step& s) { return !knee || s.load() <= *knee; });
  if (!below) {
    key.figure = absent("No valid step at or below the knee");
    return key;
  }
  if (!knee) key.label = "TTFT p95 at the top";
  key.figure = time(below->ttft_seconds.p95, absent_latency_reason(below->ttft_seconds));
  key.detail = fmt::format("at {}, the {}", step_text(*below),
                           knee ? "last step up to the knee" : "highest valid step");
  const Step* above = nullptr;
  for (const Step& step : result.steps) {
    if (!knee || !step.valid || step.load() <= *knee || !step.ttft_seconds.p95) continue;
    if (!above || step.load() < above->load()) above = &step;
  }
  if (above)
    key.detail += fmt::format("; {} at {}", format_time(*above->ttft_seconds.p95), load_label(*above));
  return key;
}

KeyFigure cost_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Cost of the tool", .unit = "CPU µs/token"};
  const Step* peak = peak_step(result);
  if (!peak) {
    key.figure = absent("No valid step received tokens");
    return key;
  }
  key.figure = number(peak->generator.cpu_us_per_token, "Not measured");
  key.detail = "at " + step_text(*peak);
  if (peak->generator.rx_lag_p99_seconds) {
    key.detail += fmt::format("; receive lag p99 {}", format_time(*peak->generator.rx_lag_p99_seconds));
  }
  return key;
}

KeyFigure errors_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Errors", .unit = "% of requests"};
  const RequestCounts all = all_requests(result.steps);
  const double ended = static_cast<double>(all.completed + all.failed);
  if (ended == 0) {
    key.figure = absent("No request ended inside a measured window");
    return key;
  }
  key.figure = number(100 * static_cast<double>(all.failed) / ended, {});
  const auto longest = longest_silence(result.steps);
  key.detail = all.failed == 0 ? "no request failed" : kinds_words(all);
  if (longest) key.detail += "; longest silence " + format_time(*longest);
  return key;
}

KeyFigure load_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Model load"};
  key.figure = time(result.load_seconds, "It was not waited for, or had loaded before");
  key.detail = "until the host served its model";
  return key;
}

KeyFigure memory_figure(const ScenarioResult& result) {
  KeyFigure key{.label = "Peak GPU memory"};
  const auto peak = result.peak_gpu_memory_bytes();
  key.figure = number(peak, "No GPU metrics were found");
  if (peak) key.figure.text = format_bytes(*peak);
  key.detail = result.gpu_memory_is_the_servers() ? "of the server, as it allocates it"
                                                  : "in use on its cards, whoever uses it";
  return key;
}

std::string key_figures(const ScenarioResult& result) {
  std::string tiles = tile(saturation_figure(result)) + tile(slo_figure(result)) + tile(peak_figure(result)) +
                      tile(ttft_figure(result)) + tile(errors_figure(result)) + tile(cost_figure(result));
  if (result.load_seconds) tiles += tile(load_figure(result));
  if (result.peak_gpu_memory_bytes()) tiles += tile(memory_figure(result));
  return R"(<dl class="tiles">)" + tiles + "</dl>" + errors_card(result);
}

std::string slo_table(const ScenarioResult& result) {
  if (result.slo.criteria.empty()) return {};
  std::string rows;
  const auto row = [&](const SloCriterion& criterion, const std::string& label, const std::string& limit) {
    rows += fmt::format(
        R"(<tr><th scope="row">{}</th><td>{}</td><td>{}</td><td>{}</td><td class="words">{}</td></tr>)",
        escape(label), limit, inline_markup(criterion_figure(criterion)),
        inline_markup(criterion.ci95 ? text(interval_text(*criterion.ci95))
                                     : absent("Not bracketed by two steps")),
        escape(criterion_meaning(criterion)));
  };
  for (const SloCriterion& criterion : result.slo.criteria) {
    row(criterion, criterion_label(criterion.name), "≤ " + format_time(criterion.limit));
  }
  if (result.slo.joint) row(*result.slo.joint, "all limits together", "–");
  return R"(<div class="table-box"><table class="slo"><caption><span>SLO limits and the load up to which they hold</span></caption>)"
         R"(<thead><tr><th scope="col">limit on</th><th scope="col">limit</th><th scope="col">N_slo</th>)"
         R"(<th scope="col">between</th><th scope="col">meaning</th></tr></thead><tbody>)" +
         rows + "</tbody></table></div>";
}

}  // namespace kneepoint::coordinator::html
