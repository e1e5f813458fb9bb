#include "coordinator/telemetry/role_figures.h"

#include <algorithm>
#include <optional>
#include <string>

namespace kneepoint::coordinator {
namespace {

constexpr std::string_view kRoles[] = {"router", "prefill", "decode"};

void add(std::optional<double>& sum, const std::optional<double>& value) {
  if (value) sum = sum.value_or(0) + *value;
}

std::optional<double> mean_of(const Readings& readings, Signal signal, double begin, double end) {
  const auto gauge = gauge_of(readings, signal, begin, end);
  return gauge ? std::optional(gauge->mean()) : std::nullopt;
}

std::optional<double> rate_of(const Readings& readings, Signal signal, double begin, double end) {
  const auto growth = growth_of(readings, signal, begin, end);
  return growth ? std::optional(growth->rate()) : std::nullopt;
}

/// Requests in a server's own queue. vLLM's decode servers count those among them whose cache is on its way
/// ("deferred"); SGLang's tell them apart.
std::optional<double> waiting_of(const EnginePage& page, double begin, double end) {
  const Readings& readings = *page.readings;
  auto waiting = mean_of(readings, Signal::kWaiting, begin, end);
  if (!waiting || page.role != "decode" || mean_of(readings, Signal::kKvTransferring, begin, end))
    return waiting;
  // By Little's law, as many as the seconds that transfers take in a second.
  const double arriving = rate_of(readings, Signal::kKvTransferSum, begin, end).value_or(0);
  return std::max(0.0, *waiting - arriving);
}

}  // namespace

bool speaks_for_target(std::string_view role, Signal signal) {
  const bool of_prompts = signal == Signal::kPromptTokens || signal == Signal::kPrefixHits ||
                          signal == Signal::kPrefixQueries || signal == Signal::kPrefixHitRatio ||
                          signal == Signal::kPrefillTimeSum || signal == Signal::kPrefillTimeCount;
  if (role == "prefill") {
    return of_prompts || signal == Signal::kKvTransferring || signal == Signal::kKvTransferSum ||
           signal == Signal::kKvTransferCount || signal == Signal::kKvTransferFailed;
  }
  // Requests whose cache is on its way stand in the queues of both sides.
  if (role == "decode") return !of_prompts && signal != Signal::kKvTransferring;
  return true;  // A router has no signal of an engine.
}

std::vector<RoleFigures> role_figures(const std::vector<EnginePage>& pages, double begin, double end) {
  std::vector<RoleFigures> all;
  for (const std::string_view role : kRoles) {
    RoleFigures figures{.role = std::string(role)};
    for (const EnginePage& page : pages) {
      if (page.role != role) continue;
      ++figures.pages;
      const Readings& readings = *page.readings;
      add(figures.running_mean, mean_of(readings, Signal::kRunning, begin, end));
      add(figures.waiting_mean, waiting_of(page, begin, end));
      add(figures.waiting_mean, mean_of(readings, Signal::kRouterWaiting, begin, end));
      add(figures.prompt_tokens_per_second, rate_of(readings, Signal::kPromptTokens, begin, end));
      add(figures.output_tokens_per_second, rate_of(readings, Signal::kGenerationTokens, begin, end));
      if (const auto kv = gauge_of(readings, Signal::kKvUsage, begin, end))
        figures.kv_usage_max = std::max(figures.kv_usage_max.value_or(0), kv->max);
    }
    if (figures.pages > 0) all.push_back(std::move(figures));
  }
  return all;
}

}  // namespace kneepoint::coordinator
