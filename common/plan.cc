#include "common/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kneepoint {
namespace {

constexpr std::array<std::pair<Api, std::string_view>, 4> kApis = {
    {{Api::kOpenAiChat, "openai-chat"},
     {Api::kOpenAiCompletions, "openai-completions"},
     {Api::kVllmGenerate, "vllm-generate"},
     {Api::kCustom, "custom"}}};

constexpr std::array<std::pair<SloMetric, std::string_view>, 5> kSloMetrics = {{{SloMetric::kTtft, "ttft"},
                                                                                {SloMetric::kTtfo, "ttfo"},
                                                                                {SloMetric::kTpot, "tpot"},
                                                                                {SloMetric::kIcl, "icl"},
                                                                                {SloMetric::kE2e, "e2e"}}};

constexpr std::array<std::pair<Routing, std::string_view>, 3> kRoutings = {
    {{Routing::kPinned, "pinned"},
     {Routing::kRoundRobin, "round_robin"},
     {Routing::kLeastInFlight, "least_in_flight"}}};

constexpr std::array<std::pair<TokenLimit, std::string_view>, 2> kTokenLimits = {
    {{TokenLimit::kMaxTokens, "max_tokens"}, {TokenLimit::kMaxCompletionTokens, "max_completion_tokens"}}};

constexpr std::array<std::pair<ArrivalProcess::Kind, std::string_view>, 4> kArrivalKinds = {
    {{ArrivalProcess::Kind::kConstant, "constant"},
     {ArrivalProcess::Kind::kPoisson, "poisson"},
     {ArrivalProcess::Kind::kGamma, "gamma"},
     {ArrivalProcess::Kind::kTrace, "trace"}}};

template <class Table, class Value>
std::string_view name_of(const Table& table, Value value) {
  return std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == value; })
      ->second;
}

template <class Table>
auto value_of(const Table& table, std::string_view name) -> std::optional<decltype(table[0].first)> {
  const auto row = std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.second == name; });
  if (row == table.end()) return std::nullopt;
  return row->first;
}

}  // namespace

std::string_view to_string(Api api) {
  return name_of(kApis, api);
}
std::optional<Api> api_from_string(std::string_view name) {
  return value_of(kApis, name);
}

std::string_view to_string(Routing routing) {
  return name_of(kRoutings, routing);
}
std::optional<Routing> routing_from_string(std::string_view name) {
  return value_of(kRoutings, name);
}

std::string_view to_string(TokenLimit limit) {
  return name_of(kTokenLimits, limit);
}
std::optional<TokenLimit> token_limit_from_string(std::string_view name) {
  return value_of(kTokenLimits, name);
}

std::string_view to_string(ArrivalProcess::Kind kind) {
  return name_of(kArrivalKinds, kind);
}
std::optional<ArrivalProcess::Kind> arrival_kind_from_string(std::string_view name) {
  return value_of(kArrivalKinds, name);
}

bool speaks_chat(const Target& target) {
  if (target.api != Api::kCustom) return target.api == Api::kOpenAiChat;
  return target.dialect && target.dialect->request.find("\"{messages}\"") != std::string::npos &&
         target.dialect->text_is == DialectDescription::Carries::kDelta;
}

std::string_view to_string(SloMetric metric) {
  return name_of(kSloMetrics, metric);
}
std::optional<SloMetric> slo_metric_from_string(std::string_view name) {
  return value_of(kSloMetrics, name);
}

std::string SloLimit::name() const {
  const std::string name = fmt::format("{}_p{:g}", to_string(metric), quantile * 100);
  return prompt_class.empty() ? name : fmt::format("{} of {}", name, prompt_class);
}

double LinearRamp::at(Nanos elapsed) const {
  return from + (to - from) * std::min(1.0, to_seconds(elapsed) / to_seconds(over));
}

Nanos soak_bin(Nanos hold) {
  constexpr int kMost = 48;
  constexpr int kFewest = 6;  // what a trend needs
  using std::chrono::ceil, std::chrono::floor, std::chrono::seconds;
  const Nanos shortest =
      std::clamp<Nanos>(floor<seconds>(hold / kFewest), seconds(1), std::chrono::minutes(1));
  return std::max<Nanos>(shortest, ceil<seconds>(hold / kMost));
}

std::vector<Cell> cells_of(const Plan& plan) {
  std::vector<Cell> cells;
  for (std::uint32_t s = 0; s < plan.scenarios.size(); ++s) {
    const Scenario& scenario = plan.scenarios[s];
    for (std::uint32_t t = 0; t < plan.targets.size(); ++t) {
      const auto& names = scenario.targets;
      if (!names.empty() && std::find(names.begin(), names.end(), plan.targets[t].name) == names.end())
        continue;
      cells.push_back({.id = static_cast<std::uint32_t>(cells.size()),
                       .scenario = s,
                       .target = t,
                       .workload = scenario.workload,
                       .slo = scenario.slo});
    }
  }
  return cells;
}

}  // namespace kneepoint
