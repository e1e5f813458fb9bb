#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "coordinator/results/model.h"

/// What of two reports belongs together.
namespace kneepoint::coordinator {

/// The result of `other` that is like `base` of `report`: the same scenario and target; else the only one of
/// that scenario, where it is the only one in both; else the only one of the report, where each has one. Null
/// where there is none.
const ScenarioResult* find_alike(const Report& report, const ScenarioResult& base, const Report& other);

/// The step at `load` that tells most: a valid one before one that is not, then the one with most
/// requests. Null where there is none.
const Step* best_step(const ScenarioResult& result, double load);

/// The heaviest remark that takes trust from a result, its own or of the run that it came from; null: none.
const Remark* what_spoils(const Report& report, const ScenarioResult& result);

/// Of all steps of all results, in order. Null results have none.
std::set<double> concurrencies(const std::vector<const ScenarioResult*>& results);

}  // namespace kneepoint::coordinator
