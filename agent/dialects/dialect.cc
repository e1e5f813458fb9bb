#include "agent/dialects/dialect.h"

#include <utility>

#include "agent/dialects/custom.h"
#include "agent/dialects/openai_chat.h"
#include "agent/dialects/openai_completions.h"
#include "agent/dialects/vllm_generate.h"

namespace kneepoint::agent {

Result<std::unique_ptr<Dialect>> make_dialect(const Target& target, const Workload& workload) {
  switch (target.api) {
    case Api::kOpenAiChat:
      return std::unique_ptr<Dialect>(std::make_unique<OpenAiChat>(target, workload));
    case Api::kOpenAiCompletions:
      return std::unique_ptr<Dialect>(std::make_unique<OpenAiCompletions>(target.model, workload));
    case Api::kVllmGenerate:
      return std::unique_ptr<Dialect>(std::make_unique<VllmGenerate>(workload));
    case Api::kCustom:
      if (!target.dialect) break;
      if (auto custom = CustomDialect::create(*target.dialect, target.model, workload); custom) {
        return std::unique_ptr<Dialect>(*std::move(custom));
      } else {
        return custom.error();
      }
  }
  return Error{"the target has no dialect"};
}

}  // namespace kneepoint::agent
