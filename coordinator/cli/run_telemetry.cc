#include "coordinator/cli/run_telemetry.h"

#include <fmt/format.h>

#include "coordinator/measure/guard_figures.h"
#include "coordinator/telemetry/endpoints.h"
#include "coordinator/telemetry/telemetry_lines.h"

namespace kneepoint::coordinator {

RunTelemetry::RunTelemetry(const Plan& plan, std::filesystem::path file, MonoTime zero, std::string run_id)
    : guard_rails_(plan.guard_rails), path_(std::move(file)) {
  Scraper::Options options;
  options.zero = zero;
  options.run_id = std::move(run_id);
  options.watched = guard_rails_.watched();
  options.nvml_targets = targets_on_this_machine(plan);
  for (const Target& target : plan.targets) {
    if (auto ports = local_ports(target); !ports.empty()) options.local_ports[target.name] = std::move(ports);
  }
  scraper_ = std::make_unique<Scraper>(scrape_endpoints(plan), std::move(options));
}

void RunTelemetry::note(const std::optional<std::string>& reason) {
  if (reason && stop_reason_.empty()) stop_reason_ = *reason;
}

bool RunTelemetry::write(const TelemetrySample& sample) {
  if (!file_.is_open()) file_.open(path_, std::ios::trunc);
  file_ << telemetry_line(sample) << '\n';
  return file_.good();
}

std::vector<std::string> RunTelemetry::take(const Timeline& timeline) {
  std::vector<std::string> lines = scraper_->take_notices();
  for (TelemetrySample& sample : scraper_->take()) {
    note(guard_rails_.observe(sample));
    if (refused_) continue;
    // What is not on the disk is not in the report: it could not be made again.
    if (!write(sample)) {
      refused_ = true;
      lines.push_back(fmt::format("cannot write {}: telemetry ends here", path_.string()));
      continue;
    }
    series_.add(std::move(sample));
  }
  if (file_.is_open()) file_.flush();
  if (const std::int64_t through = timeline.complete_through(); through > figures_through_) {
    figures_through_ = through;
    note(guard_rails_.observe(through, guard_figures(timeline)));
    for (std::string& line : guard_rails_.unheard(through)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kneepoint::coordinator
