#include "agent/dialects/dialect.h"

#include "agent/dialects/openai_chat.h"
#include "agent/dialects/openai_completions.h"
#include "agent/dialects/vllm_generate.h"

namespace kneepoint::agent {

std::unique_ptr<Dialect> make_dialect(Api api, const std::string& model, const Workload& workload) {
  switch (api) {
    case Api::kOpenAiChat: return std::make_unique<OpenAiChat>(model, workload);
    case Api::kOpenAiCompletions: return std::make_unique<OpenAiCompletions>(model, workload);
    case Api::kVllmGenerate: return std::make_unique<VllmGenerate>(workload);
  }
  return nullptr;
}

}  // namespace kneepoint::agent
