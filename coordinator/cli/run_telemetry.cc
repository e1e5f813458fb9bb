#include "coordinator/cli/run_telemetry.h"

#include <fmt/format.h>

#include <utility>

#include "coordinator/measure/guard_figures.h"
#include "coordinator/telemetry/endpoints.h"
#include "coordinator/telemetry/telemetry_lines.h"

namespace kneepoint::coordinator {

RunTelemetry::RunTelemetry(const Plan& plan, std::filesystem::path file, MonoTime zero, std::string run_id,
                           Journal& journal, TelemetrySeries before)
    : guard_rails_(plan.guard_rails), series_(std::move(before)), path_(std::move(file)), journal_(journal) {
  journal_.watch([disk = disk_] { return disk->file ? disk->file->settle() : Result<void>(); });
  Scraper::Options options;
  options.zero = zero;
  options.run_id = run_id;
  options.watched = guard_rails_.watched();
  options.nvml_targets = targets_on_this_machine(plan);
  for (const Target& target : plan.targets) {
    if (auto ports = local_ports(target); !ports.empty()) options.local_ports[target.name] = std::move(ports);
  }
  scraper_ = std::make_unique<Scraper>(scrape_endpoints(plan), std::move(options));
  if (plan.bystander)
    bystander_ =
        std::make_unique<Bystander>(plan, Bystander::Options{.zero = zero, .run_id = std::move(run_id)});
}

void RunTelemetry::stop() {
  scraper_->stop();
  if (bystander_) bystander_->stop();
}

std::vector<TelemetrySample> RunTelemetry::take_samples(Metrics& metrics, std::vector<std::string>& lines) {
  std::vector<TelemetrySample> samples = scraper_->take();
  if (!bystander_) return samples;
  for (std::string& line : bystander_->take_notices()) lines.push_back(std::move(line));
  for (TelemetrySample& felt : bystander_->take()) {
    metrics.set_bystander(felt);
    samples.push_back(std::move(felt));
  }
  return samples;
}

void RunTelemetry::note(const std::optional<std::string>& reason) {
  if (reason && stop_reason_.empty()) stop_reason_ = *reason;
}

std::vector<std::string> RunTelemetry::take(const Timeline& timeline, Metrics& metrics) {
  std::vector<std::string> lines = scraper_->take_notices();
  for (TelemetrySample& sample : take_samples(metrics, lines)) {
    note(guard_rails_.observe(sample));
    if (refused_) continue;
    auto line = std::make_shared<std::string>(telemetry_line(sample) + '\n');
    auto kept = std::make_shared<TelemetrySample>(std::move(sample));
    journal_.post(
        2 * line->size(),
        [disk = disk_, line, path = path_] {
          if (!disk->file) {
            auto created = GrowingFile::create(path);
            const std::lock_guard lock(disk->mutex);
            if (created) {
              disk->file.emplace(*std::move(created));
            } else {
              disk->problem = created.error().message;
            }
          }
          if (disk->file) (void)disk->file->append(*line);  // settle() says what the disk says
        },
        [disk = disk_, kept] {
          if (!disk->file) return;
          const std::lock_guard lock(disk->mutex);
          disk->written.push_back(std::move(*kept));
        });
  }
  {
    const std::lock_guard lock(disk_->mutex);
    for (TelemetrySample& sample : std::exchange(disk_->written, {})) series_.add(std::move(sample));
    if (!disk_->problem.empty() && !std::exchange(refused_, true)) {
      lines.push_back(disk_->problem + ": telemetry ends here");
    }
  }
  if (const std::int64_t through = timeline.complete_through(); through > figures_through_) {
    figures_through_ = through;
    note(guard_rails_.observe(through, guard_figures(timeline)));
    for (std::string& line : guard_rails_.unheard(through)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace kneepoint::coordinator
