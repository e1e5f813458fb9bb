#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "coordinator/plan/plan_loader.h"
#include "coordinator/plan/plan_printer.h"

/// Any bytes are either a plan, which can be described and whose own text loads again without variables, or
/// give one line that starts with the file's name. Nothing throws, crashes or takes long.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kneepoint;
  using namespace kneepoint::coordinator;
  const std::string text(reinterpret_cast<const char*>(data), size);
  Variables variables;
  variables.environment = [](const char*) -> const char* { return nullptr; };
  const Result<Plan> plan = parse_plan(text, "fuzz.yaml", variables);
  if (!plan) {
    const std::string& message = plan.error().message;
    if (!message.starts_with("fuzz.yaml:") || message.find('\n') != message.npos) std::abort();
    return 0;
  }
  if (describe_plan(*plan).empty()) std::abort();
  const Result<Plan> again = parse_plan(plan->source_text, "fuzz.yaml", variables);
  if (!again || again->targets != plan->targets || again->scenarios != plan->scenarios) std::abort();
  return 0;
}
