#include "common/texts_id.h"

#include <fmt/format.h>

#include "common/wire.h"

namespace kneepoint {

std::string texts_id(const Workload& workload, std::uint64_t seed) {
  const bool made = workload.makes_text() || workload.unique;
  if (made && !workload.repeat_texts) return "";
  Workload texts;
  for (const PromptClass& each : workload.classes)
    texts.classes.push_back({.name = each.name, .prompts = each.prompts, .weight = each.weight});
  texts.unique = workload.unique;
  texts.repeat_texts = workload.repeat_texts;
  texts.synthetic = workload.synthetic;
  texts.dataset = workload.dataset;
  texts.conversation = workload.conversation;
  texts.system = workload.system;
  return made ? fmt::format("{}-{}", workload_id(texts), seed) : workload_id(texts);
}

}  // namespace kneepoint
