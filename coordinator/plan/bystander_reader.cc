#include "coordinator/plan/bystander_reader.h"

#include <fmt/format.h>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {

using namespace std::chrono_literals;

std::optional<BystanderPlan> read_bystander(const yaml::Node& node) {
  constexpr Nanos kMostOften = 500ms, kLeastOften = 10min, kShortest = 1s, kLongest = 10min;
  constexpr std::int64_t kMostAtOnce = 64;  // of one target, where none is answered
  if (node.kind == yaml::Node::Kind::kScalar)
    return yaml::read_bool(node, "'bystander'") ? std::optional(BystanderPlan{}) : std::nullopt;
  const yaml::MappingReader reader(node, "bystander", {"every", "timeout", "prompt"});
  BystanderPlan plan;
  if (const auto* const every = reader.find("every"))
    plan.every = yaml::read_duration(*every, "'every'", kMostOften, kLeastOften);
  if (const auto* const timeout = reader.find("timeout"))
    plan.timeout = yaml::read_duration(*timeout, "'timeout'", kShortest, kLongest);
  if (const auto* const prompt = reader.find("prompt")) plan.prompt = yaml::read_text(*prompt, "'prompt'");
  if (plan.timeout / plan.every > kMostAtOnce) {
    throw yaml::PlanError{
        node.at,
        fmt::format("with a request every {:g} s and a timeout of {:g} s more than {} could wait at a "
                    "time; ask less often, or wait less long",
                    to_seconds(plan.every), to_seconds(plan.timeout), kMostAtOnce)};
  }
  return plan;
}

}  // namespace kneepoint::coordinator
