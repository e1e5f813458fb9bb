#pragma once

#include <cstddef>
#include <string>

#include "coordinator/results/model.h"

/// Figures to plan by: their units, and how each comes about (clauses).
namespace kneepoint::coordinator::words {

/// "requests in flight", "sessions", "requests per second"
std::string load_unit(LoadKind kind);
std::string a_replica(const std::string& unit);
/// " (11 a replica)" @param value Of one.
std::string of_each_replica(double value);

/// Names and units that are more than a word.
std::string one_replica_less_name();
std::string one_pod_less_name();
std::string per_million_tokens();

std::string meets_all_limits(LoadKind kind);
std::string below_saturation(double limits_hold_to);
std::string most_power();
std::string with_long_prompts(double tokens);
std::string adds_next_to_nothing();
std::string up_to_saturation(const std::string& point);
std::string one_replica_less(double left, double replicas, double skew);
/// @param most The share of the requests that the pod with most of them holds.
std::string one_pod_less(double left, std::size_t pods, double most);
std::string last_within_limits(LoadKind kind, const std::string& of_each_replica);
std::string beyond_only_waits(const std::string& of_each_replica);
std::string room_to_start(const std::string& point);
std::string output_over_gpus(double tokens, const Step& row, double gpus);
std::string price_over_output(double cost_per_hour, double tokens, const Step& row);

}  // namespace kneepoint::coordinator::words
