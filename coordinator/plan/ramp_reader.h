#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// At most so many steps a run, over all its cells: the metrics keep series for each.
inline constexpr std::size_t kMostSteps = 64;
inline constexpr std::uint32_t kHighestConcurrency = 1'000'000;

inline constexpr Nanos kDefaultWarmup = std::chrono::seconds(10);
/// Of a search, whose windows follow the time that requests take.
inline constexpr Nanos kDefaultSearchWarmup = std::chrono::seconds(5);
inline constexpr Nanos kDefaultHold = std::chrono::seconds(30);
inline constexpr Nanos kDefaultSoak = std::chrono::hours(1);

/// Reads a scenario's `ramp`. @param scenario e.g. "scenario 'chat'". Throws yaml::PlanError.
Ramp read_ramp(const yaml::Node& node, const std::string& scenario);

/// A number of requests in flight. @param what e.g. "a step". Throws yaml::PlanError.
std::uint32_t read_concurrency(const yaml::Node& node, std::string_view what);

/// from, from·factor, from·factor², … rounded, without repetition, and `to` as the last; falling where to <
/// from. Ends early, without `to`, once it is longer than kMostSteps. @param factor above 1.
std::vector<std::uint32_t> geometric_steps(std::uint32_t from, std::uint32_t to, double factor);

/// from, from + by, … and `to` as the last; falling where to < from. Ends early like geometric_steps.
std::vector<std::uint32_t> linear_steps(std::uint32_t from, std::uint32_t to, std::uint32_t by);

}  // namespace kneepoint::coordinator
