#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/plan.h"
#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

/// The name of the only class of a workload whose prompts are a plain list.
inline constexpr std::string_view kDefaultClass = "default";

/// Classes of requests, and the limits that they have of their own.
struct ClassesRead {
  std::vector<PromptClass> classes;
  std::vector<SloLimit> slo;
};

/// `prompts`: a list of texts, which make one class, or of classes with texts. @param scenario "scenario
/// 'chat'". @param streamed whether anything but E2E is measured. Throws PlanError, like those that follow.
ClassesRead read_prompts(const yaml::Node& node, const std::string& scenario, bool streamed);

/// `classes`, of made texts or of a dataset whose entries have none: each gets its share of the requests.
ClassesRead read_classes(const yaml::Node& node, const std::string& scenario, bool streamed);

/// `classes`, of a dataset whose entries say which they belong to. @param names of the dataset's classes, in
/// its order, which is that of the result.
ClassesRead read_dataset_classes(const yaml::Node& node, const std::string& scenario, bool streamed,
                                 const std::vector<std::string>& names);

/// `extra_body` as a JSON object; empty for one without members.
std::string read_extra_body(const yaml::Node& node);

}  // namespace kneepoint::coordinator
