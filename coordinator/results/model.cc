#include "coordinator/results/model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kneepoint::coordinator {
namespace {
constexpr std::array<std::string_view, 3> kTokenSources = {"usage", "estimated", "chunks"};
}  // namespace

std::string_view to_string(TokenSource source) {
  return kTokenSources[static_cast<std::size_t>(source)];
}

std::optional<TokenSource> token_source_from_string(std::string_view name) {
  const auto at = std::find(kTokenSources.begin(), kTokenSources.end(), name);
  if (at == kTokenSources.end()) return std::nullopt;
  return static_cast<TokenSource>(at - kTokenSources.begin());
}

LoadKind Step::load_kind() const {
  if (offered_rate) return thinking ? LoadKind::kSessionRate : LoadKind::kRate;
  return thinking ? LoadKind::kUsers : LoadKind::kRequests;
}

std::optional<double> Saturation::middle() const {
  if (concurrency || !ci95) return concurrency;
  return std::sqrt(std::max(ci95->low, 1e-9) * ci95->high);
}

std::optional<double> Saturation::from() const {
  if (concurrency || !ci95) return concurrency;
  return ci95->high;
}

std::optional<double> Step::cache_hits() const {
  if (cached_prompt_ratio) return cached_prompt_ratio;
  return telemetry ? telemetry->prefix_hit_ratio : std::nullopt;
}

bool Step::has_flag(std::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

void Step::warn(std::string_view flag, std::string reason) {
  if (!has_flag(flag)) flags.emplace_back(flag);
  if (!reason.empty()) reasons.push_back(std::move(reason));
}

void Step::withdraw(std::string_view flag, std::string_view reason) {
  std::erase(flags, flag);
  for (std::size_t i = reasons.size(); i-- > 0;) {
    if (!reasons[i].starts_with(reason)) continue;
    reasons.erase(reasons.begin() + static_cast<std::ptrdiff_t>(i));
    if (i < faults.size()) faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void Step::invalidate(std::string_view flag, std::string reason) {
  valid = false;
  if (!has_flag(flag)) flags.emplace_back(flag);
  if (reason.empty()) return;
  reasons.insert(reasons.begin() + static_cast<std::ptrdiff_t>(faults.size()), std::move(reason));
  faults.emplace_back(flag);
}

bool ScenarioResult::moving() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.has_flag("MOVING"); });
}

std::optional<double> ScenarioResult::peak_gpu_memory_bytes() const {
  std::optional<double> cards, processes;
  for (const Step& step : steps) {
    if (!step.telemetry) continue;
    cards = std::max(cards, step.telemetry->gpu.memory_peak_bytes);
    processes = std::max(processes, step.telemetry->gpu.process_memory_peak_bytes);
  }
  return gpu_memory_is_the_servers() ? processes : cards;
}

bool ScenarioResult::gpu_memory_is_the_servers() const {
  bool known = false;
  for (const Step& step : steps) {
    if (!step.telemetry) continue;
    const GpuTelemetry& gpu = step.telemetry->gpu;
    if (gpu.memory_peak_bytes && !gpu.process_memory_peak_bytes) return false;
    known = known || gpu.process_memory_peak_bytes;
  }
  return known;
}

}  // namespace kneepoint::coordinator
