#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// What a row's state or flag means, in a sentence; absent for one that is not known here.
std::optional<std::string_view> explain_flag(std::string_view flag);

/// Every state and flag of the rows, once, with what it means.
std::vector<std::pair<std::string, std::string_view>> flags_explained(const ScenarioResult& result);
std::vector<std::pair<std::string, std::string_view>> flags_explained(const Report& report);

}  // namespace kneepoint::coordinator
