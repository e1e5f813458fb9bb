#include "coordinator/cli/run_display.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "coordinator/cli/standard_output.h"
#include "coordinator/live/recent.h"
#include "coordinator/plan/plan_printer.h"
#include "coordinator/report/narrow_table.h"
#include "coordinator/report/text_layout.h"

namespace kneepoint::coordinator {
namespace {

/// What the live rates look back over.
constexpr std::int64_t kRateSeconds = 3;

}  // namespace

RunDisplay::RunDisplay(const Plan& plan, const std::vector<Cell>& cells, Metrics& metrics, RunFeed& feed,
                       BackgroundOutput& output, bool quiet)
    : metrics_(metrics), feed_(feed), terminal_(terminal_options(STDERR_FILENO, quiet, output)) {
  view_.plan = plan.name;
  for (const Cell& cell : cells) {
    const Target& target = plan.targets[cell.target];
    results_.push_back(
        {.target = target.name, .scenario = plan.scenarios[cell.scenario].name, .model = target.model});
    ramps_.push_back(plan.scenarios[cell.scenario].ramp);
  }
}

void RunDisplay::print(std::string_view line) {
  terminal_.print(wrapped_lines(line, line_width(STDERR_FILENO, std::string::npos)));
  feed_.note(line);
}

void RunDisplay::waiting_for_agents(std::size_t present, std::size_t expected) {
  view_.phase = fmt::format("waiting for agents {}/{}", present, expected);
  terminal_.update(view_);
  feed_.waiting(fmt::format("agents: {} of {} are there", present, expected));
}

void RunDisplay::waiting_for_targets() {
  view_.phase = "waiting for targets";
  terminal_.update(view_);
  feed_.waiting("the targets to be ready");
}

void RunDisplay::show_cell(std::uint32_t cell) {
  view_.scenario = results_[cell].scenario;
  view_.target = results_[cell].target;
}

void RunDisplay::progress(const Progress& progress, const Timeline& timeline,
                          const TelemetrySeries& telemetry) {
  feed_.progress(progress, timeline, telemetry);
  if (loaded_cell_ && *loaded_cell_ != progress.cell) {
    metrics_.set_target_concurrency(*loaded_cell_, 0);
    metrics_.set_in_flight(*loaded_cell_, 0);
  }
  loaded_cell_ = progress.cell;
  metrics_.set_target_concurrency(progress.cell, progress.concurrency);
  metrics_.set_in_flight(progress.cell, progress.in_flight);

  show_cell(progress.cell);
  view_.step = progress.step + 1;
  view_.of_steps = progress.step_count ? fmt::format("/{}", *progress.step_count)
                                       : of_a_search(ramps_[progress.cell], view_.step);
  view_.phase = std::string(to_string(progress.phase));
  view_.elapsed = std::max(view_.elapsed, progress.now);
  view_.time_left = progress.time_left;
  if (progress.time_left) {
    const double left = to_seconds(*progress.time_left);
    const double gone = to_seconds(view_.elapsed);
    // What is left is found out on the way; what is done stays done.
    view_.progress = std::max(view_.progress.value_or(0), gone + left > 0 ? gone / (gone + left) : 1.0);
  } else {
    view_.progress.reset();
  }
  view_.asked = progress.concurrency;
  view_.rate = progress.rate;
  view_.in_flight = progress.in_flight;
  view_.backing_off = progress.backing_off;
  if (timeline.complete_through() != rates_through_) {
    rates_through_ = timeline.complete_through();
    const RecentRates rates = recent_rates(timeline, progress.cell, kRateSeconds);
    view_.tokens_per_second = rates.tokens_per_second;
    view_.requests_per_second = rates.requests_per_second;
    view_.outcomes.fill(0);
    for (const auto& [second, stats] : timeline.seconds()) {
      for (const auto& [key, series] : stats.series) {
        for (std::size_t i = 0; i < kOutcomeCount; ++i) view_.outcomes[i] += series.outcomes[i];
      }
    }
  }
  terminal_.update(view_);
}

void RunDisplay::step(const StepWindow& window, const Step& step) {
  feed_.step(window, step);
  ScenarioResult& result = results_[window.cell];
  if (table_cell_ != window.cell) {
    table_cell_ = window.cell;
    terminal_.print(fmt::format("{} on {} ({})\n{}", result.scenario, result.target, result.model,
                                narrow_header(line_width(STDERR_FILENO))));
  }
  terminal_.print(narrow_line(step, line_width(STDERR_FILENO)));
  result.steps.push_back(step);
  metrics_.set_step(result, step, result.steps.size() - 1);
}

void RunDisplay::finish(const Report& report) {
  terminal_.finish();
  feed_.finish(report);
  for (const ScenarioResult& result : report.results) {
    for (std::size_t i = 0; i < result.steps.size(); ++i) metrics_.set_step(result, result.steps[i], i);
    metrics_.set_saturation(result);
    metrics_.set_trust(result);
  }
  if (loaded_cell_) {
    metrics_.set_target_concurrency(*loaded_cell_, 0);
    metrics_.set_in_flight(*loaded_cell_, 0);
  }
}

}  // namespace kneepoint::coordinator
