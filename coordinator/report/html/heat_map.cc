#include "coordinator/report/html/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <vector>

#include "coordinator/measure/repeat.h"
#include "coordinator/report/html/columns.h"
#include "coordinator/report/html/figures.h"
#include "coordinator/report/html/markup.h"
#include "coordinator/report/html/tables.h"
#include "coordinator/results/units.h"

namespace kneepoint::coordinator::html {
namespace {

/// More columns than a page is wide for; those of which most points have a row are kept.
constexpr std::size_t kMostLoads = 12;
/// Of the style sheet: .heat-0 to .heat-9.
constexpr int kLevels = 10;

struct Shown {
  std::string_view title;
  Figure (*figure)(const Step&);
  bool logarithmic;  ///< Shaded by its logarithm, as latencies are.
};
const Shown kThroughput = {
    "Output tokens per second",
    [](const Step& s) { return number(s.output_tokens_per_second.value, "No token was received"); }, false};
const Shown kFirstTokenTail = {
    "Time to first token, p95",
    [](const Step& s) { return time(s.ttft_seconds.p95, absent_latency_reason(s.ttft_seconds)); }, true};
const Shown kFirstToken = {
    "Time to first token, median",
    [](const Step& s) { return time(s.ttft_seconds.p50, absent_latency_reason(s.ttft_seconds)); }, true};
const Shown kPace = {
    "Time per output token, median",
    [](const Step& s) { return time(s.tpot_seconds.p50, absent_latency_reason(s.tpot_seconds)); }, true};

const Step* row_at(const ScenarioResult& result, double load) {
  if (const Step* const best = reference_row(result.steps, load)) return best;
  for (const Step& step : result.steps) {
    if (step.load() == load) return &step;
  }
  return nullptr;
}

std::vector<double> loads_of(const Report& report, const Matrix& matrix) {
  std::map<double, std::size_t> points;
  for (const Matrix::Point& point : matrix.points) {
    const auto& steps = report.results[point.result].steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto same = [&](const Step& s) { return s.load() == steps[i].load(); };
      if (std::none_of(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(i), same))
        ++points[steps[i].load()];
    }
  }
  std::vector<double> loads;
  for (const auto& [load, count] : points) loads.push_back(load);
  std::stable_sort(loads.begin(), loads.end(), [&](double a, double b) { return points[a] > points[b]; });
  loads.resize(std::min(loads.size(), kMostLoads));
  std::sort(loads.begin(), loads.end());
  return loads;
}

struct Scale {
  double low = 0, high = 1;
  bool logarithmic = false;

  int level(double value) const {
    const auto at = [&](double v) { return logarithmic ? std::log(v) : v; };
    const double from = logarithmic ? at(low) : 0;
    const double share = at(high) > from ? (at(value) - from) / (at(high) - from) : 0;
    return std::clamp(static_cast<int>(share * kLevels), 0, kLevels - 1);
  }
};

std::optional<Scale> scale_of(const Report& report, const Matrix& matrix, const std::vector<double>& loads,
                              const Shown& shown) {
  std::optional<Scale> scale;
  for (const Matrix::Point& point : matrix.points) {
    for (const double load : loads) {
      const Step* const step = row_at(report.results[point.result], load);
      const auto value = step ? shown.figure(*step).raw : std::nullopt;
      if (!value || !(*value > 0)) continue;
      if (!scale) scale = Scale{*value, *value, shown.logarithmic};
      scale->low = std::min(scale->low, *value);
      scale->high = std::max(scale->high, *value);
    }
  }
  return scale;
}

std::string cell(const Step* step, const Shown& shown, const Scale& scale) {
  if (!step) return "<td>–</td>";
  const Figure figure = shown.figure(*step);
  if (!figure.raw) return fmt::format("<td>{}</td>", inline_markup(figure));
  const bool missed = step->slo_joint && step->slo_joint->state == "FAIL";
  return fmt::format(R"(<td class="{}" data-v="{}">{}{}</td>)",
                     step->valid ? fmt::format("heat-{}", scale.level(*figure.raw)) : "invalid", *figure.raw,
                     !step->valid ? "✕ "
                     : missed     ? "▾ "
                                  : "",
                     inline_markup(figure));
}

/// "input_tokens", which a narrow page may break in two.
std::string breakable(const std::string& name) {
  std::string markup = escape(name);
  for (auto at = markup.find('_'); at != markup.npos; at = markup.find('_', at + 1))
    markup.insert(at + 1, "<wbr>");
  return markup;
}

bool any_row(const Report& report, const Matrix& matrix, bool (*is)(const Step&)) {
  return std::any_of(matrix.points.begin(), matrix.points.end(), [&](const Matrix::Point& point) {
    const auto& steps = report.results[point.result].steps;
    return std::any_of(steps.begin(), steps.end(), is);
  });
}

}  // namespace

std::string heat_maps(const Report& report, const Matrix& matrix) {
  const std::vector<double> loads = loads_of(report, matrix);
  const LoadKind kind = report.results[matrix.points.front().result].load_kind();
  std::string signs;
  if (any_row(report, matrix, [](const Step& s) { return s.slo_joint && s.slo_joint->state == "FAIL"; }))
    signs += "; ▾ misses the SLO";
  if (any_row(report, matrix, [](const Step& s) { return !s.valid; })) signs += "; ✕ is not valid";
  // One percentile for the whole map: the median where some row had too few requests for p95.
  const bool tail = !any_row(
      report, matrix, [](const Step& s) { return s.valid && s.ttft_seconds.p50 && !s.ttft_seconds.p95; });
  std::string markup;
  for (const Shown& shown : {kThroughput, tail ? kFirstTokenTail : kFirstToken, kPace}) {
    const auto scale = scale_of(report, matrix, loads, shown);
    if (!scale) continue;
    std::string rows = "<thead><tr>";
    for (const std::string& axis : matrix.axes)
      rows += fmt::format(R"(<th scope="col">{}</th>)", breakable(axis));
    for (const double load : loads)
      rows += fmt::format(R"(<th scope="col" class="load">{}</th>)", format_figure(load));
    rows += "</tr></thead><tbody>";
    for (const Matrix::Point& point : matrix.points) {
      rows += "<tr>";
      for (const std::string& value : point.values)
        rows += fmt::format(R"(<th scope="row">{}</th>)", escape(value));
      for (const double load : loads) rows += cell(row_at(report.results[point.result], load), shown, *scale);
      rows += "</tr>";
    }
    markup +=
        boxed("heat", fmt::format("{} against {}{}", shown.title, load_name(kind), signs), rows + "</tbody>");
  }
  return R"(<div class="heat-maps">)" + markup + "</div>";
}

}  // namespace kneepoint::coordinator::html
