#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "common/printable.h"
#include "coordinator/compare/render.h"
#include "coordinator/words/answer.h"
#include "coordinator/words/comparison.h"

namespace kneepoint::coordinator {
namespace {

/// What a user notices, in the order in which it is told.
constexpr std::array<std::string_view, 4> kSpeed = {"throughput", "ttft_p50", "tpot_p50", "e2e_p50"};

/// One metric of a result over its loads.
struct Change {
  std::vector<const ComparedRow*> rows;  ///< That differ significantly.
  std::size_t compared = 0;
};

Change change_of(const ComparedResult& result, std::string_view metric, std::size_t run) {
  Change change;
  for (const ComparedRow& row : result.rows) {
    if (row.metric != metric || !row.differences[run]) continue;
    ++change.compared;
    if (row.differences[run]->significant) change.rows.push_back(&row);
  }
  return change;
}

/// "output tok/s -29.0 to -35.1 % at every load"
std::string change_text(const Change& change, std::size_t run) {
  double low = change.rows.front()->differences[run]->ratio, high = low;
  for (const ComparedRow* row : change.rows) {
    low = std::min(low, row->differences[run]->ratio);
    high = std::max(high, row->differences[run]->ratio);
  }
  return words::change_over_loads({.title = change.rows.front()->title,
                                   .low = signed_percent(low),
                                   .high = signed_percent(high),
                                   .rows = change.rows.size(),
                                   .of = change.compared,
                                   .only_load = change.rows.front()->concurrency});
}

/// "errors 0 % → 1.2 % at 64": where most changed.
std::string share_text(const Change& change, std::size_t run) {
  const auto size = [&](const ComparedRow* row) { return std::abs(row->differences[run]->ratio); };
  const ComparedRow* const most =
      *std::max_element(change.rows.begin(), change.rows.end(),
                        [&](const auto* a, const auto* b) { return size(a) < size(b); });
  return words::share_changed(most->title, most->figures.front().text, most->figures[run].text,
                              most->concurrency.value_or(0));
}

/// What differs significantly, each once.
std::vector<std::string> titles_of_changes(const ComparedResult& result, std::size_t run) {
  std::vector<std::string> titles;
  for (const ComparedRow& row : result.rows) {
    const bool differs = row.differences[run] && row.differences[run]->significant;
    if (differs && std::find(titles.begin(), titles.end(), row.title) == titles.end())
      titles.push_back(row.title);
  }
  return titles;
}

std::string headline(const Comparison& comparison, const ComparedResult& result, std::size_t run) {
  std::size_t better = 0, worse = 0;
  bool speed = false;
  std::vector<std::string> parts;
  const auto tell = [&](std::string_view metric, bool is_speed) {
    const Change change = change_of(result, metric, run);
    if (change.rows.empty()) return;
    for (const ComparedRow* row : change.rows) ++(judgement(*row, run) == "better" ? better : worse);
    speed = speed || is_speed;
    parts.push_back(metric == "error_ratio" ? share_text(change, run) : change_text(change, run));
  };
  for (const std::string_view metric : kSpeed) tell(metric, true);
  tell("error_ratio", false);
  const std::string& name = comparison.runs[run].label;
  const std::string& base = comparison.runs.front().label;
  const std::string of = comparison.results.size() > 1 ? result.title + ": " : "";
  if (parts.empty()) {
    const std::vector<std::string> titles = titles_of_changes(result, run);
    return titles.empty() ? words::does_not_differ(of, name, base)
                          : words::differs_in(of, name, base, titles);
  }
  return words::is_better_or_worse(of, name, base, better > 0, worse > 0, speed, parts);
}

}  // namespace

std::vector<std::string> headlines(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const ComparedResult& result : comparison.results) {
    for (std::size_t run = 1; run < comparison.runs.size(); ++run) {
      const bool compared = std::any_of(result.rows.begin(), result.rows.end(), [&](const ComparedRow& row) {
        return row.differences[run] && row.differences[run]->tested;
      });
      if (compared) lines.push_back(headline(comparison, result, run));
    }
  }
  return lines;
}

std::string render_line(const Comparison& comparison) {
  std::vector<std::string> parts = gate_words(comparison.thresholds);
  const std::vector<std::string> all = headlines(comparison);
  parts.insert(parts.end(), all.begin(), all.end());
  if (all.empty()) parts.emplace_back(words::nothing_compared());
  return printable(fmt::format("{}", fmt::join(parts, "; "))) + "\n";
}

}  // namespace kneepoint::coordinator
