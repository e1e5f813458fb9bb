#include "coordinator/words/recommendations.h"

#include <fmt/format.h>

#include <cmath>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

/// What is raised, in the singular.
const char* raised(LoadKind kind) {
  if (is_rate(kind)) return "rate";
  return kind == LoadKind::kUsers ? "number of sessions" : "concurrency";
}

}  // namespace

std::string load_unit(LoadKind kind) {
  if (kind == LoadKind::kRate) return "requests per second";
  if (kind == LoadKind::kSessionRate) return "sessions per second";
  return kind == LoadKind::kUsers ? "sessions" : "requests in flight";
}

std::string a_replica(const std::string& unit) {
  return unit + " a replica";
}

std::string of_each_replica(double value) {
  return fmt::format(" ({} a replica)", format_figure(value));
}

std::string one_replica_less_name() {
  return "capacity with one replica less";
}

std::string one_pod_less_name() {
  return "capacity with one pod less";
}

std::string per_million_tokens() {
  return "per million output tokens";
}

std::string meets_all_limits(LoadKind kind) {
  return fmt::format("the highest {} that meets all limits together", raised(kind));
}

std::string below_saturation(double limits_hold_to) {
  return fmt::format("the highest step below saturation; the limits would hold up to {}",
                     format_figure(limits_hold_to));
}

std::string most_power() {
  return "most throughput²/concurrency (Kleinrock's power); the plan sets no limits";
}

std::string with_long_prompts(double tokens) {
  return fmt::format("; prompts of {} tokens", format_figure(tokens));
}

std::string adds_next_to_nothing() {
  return "the lowest step at or above saturation: more load adds next to nothing";
}

std::string up_to_saturation(const std::string& point) {
  return fmt::format("from the {} point up to saturation", point);
}

std::string one_replica_less(double left, double replicas, double skew) {
  return fmt::format("saturation × {:.0f}/{:.0f}; the replicas share the load to within {:.0f} %", left,
                     replicas, std::ceil(skew * 100));
}

std::string one_pod_less(double left, std::size_t pods, double most) {
  return fmt::format("saturation × {:.2f}: of {} pods the one that holds most has {:.0f} % of the requests",
                     left, pods, most * 100);
}

std::string last_within_limits(LoadKind kind, const std::string& of_each_replica) {
  return fmt::format("the last {} that meets all limits: what is admitted beyond breaks them{}", raised(kind),
                     of_each_replica);
}

std::string beyond_only_waits(const std::string& of_each_replica) {
  return "the upper end of saturation's interval: what is admitted beyond only waits" + of_each_replica;
}

std::string room_to_start(const std::string& point) {
  return fmt::format("80 % of the {} point: room while a replica starts (a rule of thumb)", point);
}

std::string output_over_gpus(double tokens, const Step& row, double gpus) {
  return fmt::format("{} tok/s at {} over {}", format_figure(tokens), load_label(row),
                     gpus == 1 ? "1 GPU" : fmt::format("{:.0f} GPUs", gpus));
}

std::string price_over_output(double cost_per_hour, double tokens, const Step& row) {
  return fmt::format("{} an hour over {} tok/s at {}", format_figure(cost_per_hour), format_figure(tokens),
                     load_label(row));
}

}  // namespace kneepoint::coordinator::words
