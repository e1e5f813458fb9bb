#include "coordinator/plan/telemetry_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "coordinator/plan/target_reader.h"
#include "coordinator/plan/yaml_reader.h"
#include "coordinator/telemetry/guard_rails.h"
#include "coordinator/telemetry/signal.h"

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

const std::vector<Node>& read_url_items(const Node& node, std::string_view what) {
  const auto& items = yaml::read_list(node, what);
  if (items.size() > kMostUrls)
    throw PlanError{node.at, fmt::format("{} has more than {} URLs", what, kMostUrls)};
  return items;
}

/// A page, or {url: …, role: …}.
std::string read_page(const Node& node, TelemetryOptions& options) {
  if (node.kind == Node::Kind::kScalar) return read_metrics_url(node);
  const MappingReader reader(node, "a page", {"url", "role"});
  std::string url = read_metrics_url(reader.require("url"));
  options.roles[url] = yaml::read_choice(reader.require("role"), "role", {"prefill", "decode", "router"});
  return url;
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

/// What only this tool calls so: "error_rate" and "ttft_p99" are slips, no engine's names.
bool sounds_like_ours(std::string_view metric) {
  constexpr std::string_view kOurs[] = {"error_", "errors_", "ttft_", "ttfo_",
                                        "tpot_",  "icl_",    "e2e_",  "bystander_"};
  return std::any_of(std::begin(kOurs), std::end(kOurs),
                     [&](std::string_view each) { return metric.starts_with(each); });
}

/// The name of what a limit can look at: a figure that is known, or, with '_' or ':' in it, any metric by its
/// exposed name. @param elsewhere of a page that the limit names.
const std::string& read_metric(const Node& node, bool elsewhere) {
  const std::string& metric = yaml::read_text(node, "'metric'");
  std::vector<std::string_view> known;
  for (const OwnFigure& figure : kOwnFigures) known.push_back(figure.name);
  for (const SignalInfo& info : signals()) {
    // An instant is no figure that a limit could be held against.
    if (!info.counter && info.signal != Signal::kProcessStart) known.push_back(info.name);
  }
  if (std::find(known.begin(), known.end(), metric) != known.end()) return metric;
  if (signal_from_string(metric) || metric.ends_with("_total")) {
    throw PlanError{node.at,
                    fmt::format("'{}' is a counter, which only grows: a limit would say how long the "
                                "server has run; name a figure that also falls, such as 'waiting'",
                                yaml::excerpt(metric))};
  }
  if (metric.find_first_of("_:") == metric.npos || (!elsewhere && sounds_like_ours(metric))) {
    throw PlanError{node.at, fmt::format("unknown metric '{}'{}", yaml::excerpt(metric),
                                         yaml::suggestion(metric, known))};
  }
  return metric;
}

GuardLimit read_guard_limit(const Node& node) {
  const MappingReader reader(node, "a guard rail", {"metric", "above", "below", "for", "url"});
  GuardLimit limit{.metric = read_metric(reader.require("metric"), reader.find("url") != nullptr),
                   .source = {}};
  reader.exclusive("above", "below");
  limit.below = reader.find("below") != nullptr;
  const std::string_view key = limit.below ? "below" : "above";
  const Node* const value = reader.find(key);
  if (value == nullptr) {
    throw PlanError{node.at, "a guard rail needs its limit; write above: VALUE or below: VALUE"};
  }
  const std::string what = fmt::format("'{}'", key);
  const auto own = own_figure(limit.metric);
  const bool seconds = own ? own->seconds : limit.metric == to_string(Signal::kBystanderTtft);
  if (!own && !seconds) {
    limit.limit = yaml::read_number(*value, what, -kLargestLimit, kLargestLimit);
  } else if (seconds) {
    limit.limit = to_seconds(yaml::read_duration(*value, what, 1ms, 24h));
  } else {
    limit.limit = yaml::read_number(*value, what, 0, 1);
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
  const MappingReader reader(node, "telemetry", {"metrics", "pods", "gpus", "nvml"});
  if (const Node* const urls = reader.find("metrics")) {
    for (const Node& item : read_url_items(*urls, "'metrics'"))
      options.urls.push_back(read_page(item, options));
  }
  if (const Node* const pods = reader.find("pods")) {
    for (const Node& item : read_url_items(*pods, "'pods'")) {
      options.pods.push_back(read_page(item, options));
      if (options.pods.back().starts_with("https:")) {
        throw PlanError{item.at,
                        "a pod is asked by its address, which no certificate names; use http, or "
                        "list each pod's URL under 'metrics'"};
      }
    }
  }
  if (const Node* const gpus = reader.find("gpus")) {
    for (const Node& item : read_url_items(*gpus, "'gpus'")) options.gpus.push_back(read_exporter(item));
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
    limits.push_back(read_guard_limit(item));
  }
  return limits;
}

}  // namespace kneepoint::coordinator
