#include "coordinator/plan/telemetry_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordinator/plan/target_reader.h"
#include "coordinator/plan/yaml_reader.h"
#include "coordinator/telemetry/guard_rails.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr std::size_t kMostUrls = 64;
constexpr std::size_t kMostLimits = 32;
constexpr double kLatestStart = 4e9;  // Unix seconds: the year 2096
constexpr double kLargestLimit = 1e15;

const std::vector<Node>& read_urls(const Node& node, std::string_view what) {
  const auto& items = yaml::read_list(node, what);
  if (items.size() > kMostUrls)
    throw PlanError{node.at, fmt::format("{} has more than {} URLs", what, kMostUrls)};
  return items;
}

GpuExporter read_exporter(const Node& node) {
  if (node.kind == Node::Kind::kScalar) return {.url = read_metrics_url(node), .labels = {}};
  const MappingReader reader(node, "a GPU exporter", {"url", "labels"});
  GpuExporter exporter{.url = read_metrics_url(reader.require("url")), .labels = {}};
  const Node* const labels = reader.find("labels");
  if (labels == nullptr) return exporter;
  if (labels->kind != Node::Kind::kMapping || labels->members.empty()) {
    throw PlanError{labels->at, "'labels' must name labels and their values, such as {gpu: '0'}"};
  }
  for (const yaml::Member& label : labels->members) {
    exporter.labels[label.key] = yaml::read_text(label.value, fmt::format("label '{}'", label.key));
  }
  return exporter;
}

GuardLimit read_limit(const Node& node) {
  const MappingReader reader(node, "a guard rail", {"metric", "above", "below", "for", "url"});
  GuardLimit limit{.metric = yaml::read_text(reader.require("metric"), "'metric'"), .source = {}};
  reader.exclusive("above", "below");
  limit.below = reader.find("below") != nullptr;
  const std::string_view key = limit.below ? "below" : "above";
  const Node* const value = reader.find(key);
  if (value == nullptr) {
    throw PlanError{node.at, "a guard rail needs its limit; write above: VALUE or below: VALUE"};
  }
  const std::string what = fmt::format("'{}'", key);
  const bool own = std::find(kOwnFigures.begin(), kOwnFigures.end(), limit.metric) != kOwnFigures.end();
  if (limit.metric == kErrorRatio) {
    limit.limit = yaml::read_number(*value, what, 0, 1);
  } else if (own) {
    limit.limit = to_seconds(yaml::read_duration(*value, what, 1ms, 24h));
  } else {
    limit.limit = yaml::read_number(*value, what, -kLargestLimit, kLargestLimit);
  }
  if (const Node* const duration = reader.find("for")) {
    const Nanos length = yaml::read_duration(*duration, "'for'", 1s, 24h);
    limit.seconds = static_cast<int>(std::chrono::ceil<std::chrono::seconds>(length).count());
  }
  if (const Node* const url = reader.find("url")) {
    if (own) {
      throw PlanError{url->at, fmt::format("'{}' is the tool's own figure; remove the URL", limit.metric)};
    }
    limit.source = read_metrics_url(*url);
  }
  return limit;
}

}  // namespace

TelemetryOptions read_telemetry(const Node& node) {
  TelemetryOptions options;
  if (node.kind == Node::Kind::kScalar) {
    if (node.text != "off") {
      throw PlanError{node.at,
                      fmt::format("'telemetry' must be off or a mapping (metrics, gpus, nvml), not '{}'",
                                  yaml::excerpt(node.text))};
    }
    options.off = true;
    return options;
  }
  const MappingReader reader(node, "telemetry", {"metrics", "gpus", "nvml"});
  if (const Node* const urls = reader.find("metrics")) {
    for (const Node& item : read_urls(*urls, "'metrics'")) options.urls.push_back(read_metrics_url(item));
  }
  if (const Node* const gpus = reader.find("gpus")) {
    for (const Node& item : read_urls(*gpus, "'gpus'")) options.gpus.push_back(read_exporter(item));
  }
  if (const Node* const nvml = reader.find("nvml")) options.nvml = yaml::read_bool(*nvml, "'nvml'");
  return options;
}

WaitReady read_wait_ready(const Node& node) {
  constexpr Nanos kShortest = 1s, kLongest = 24h;
  WaitReady wait;
  if (node.kind == Node::Kind::kScalar) {
    wait.timeout = yaml::read_duration(node, "'wait_ready'", kShortest, kLongest);
    return wait;
  }
  const MappingReader reader(node, "wait_ready", {"timeout", "started"});
  if (const Node* const timeout = reader.find("timeout")) {
    wait.timeout = yaml::read_duration(*timeout, "'timeout'", kShortest, kLongest);
  }
  if (const Node* const started = reader.find("started")) {
    const double unix_seconds =
        yaml::read_number(*started, "'started', in seconds since 1970,", 0, kLatestStart);
    wait.started = RealTime(from_seconds(unix_seconds));
  }
  return wait;
}

std::vector<GuardLimit> read_guard_rails(const Node& node) {
  std::vector<GuardLimit> limits;
  for (const Node& item : yaml::read_list(node, "'guard_rails'")) {
    if (limits.size() == kMostLimits)
      throw PlanError{item.at, fmt::format("more than {} guard rails", kMostLimits)};
    limits.push_back(read_limit(item));
  }
  return limits;
}

}  // namespace kneepoint::coordinator
