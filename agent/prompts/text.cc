#include "agent/prompts/text.h"

namespace kneepoint::agent {
namespace {

/// SplitMix64's finaliser (Steele, Lea, Flood 2014): every input bit moves every output bit.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

}  // namespace

std::uint64_t random_bits(const RequestIdentity& request, std::uint64_t purpose) {
  std::uint64_t bits = mix(request.seed);
  for (const std::uint64_t part : {std::uint64_t{request.cell}, request.epoch, std::uint64_t{request.attempt},
                                   std::uint64_t{request.slot}, request.k, purpose}) {
    bits = mix(bits ^ part);
  }
  return bits;
}

PickedPrompt pick_prompt(const Workload& workload, const RequestIdentity& request, std::uint64_t walk) {
  std::uint64_t weights = 0;
  for (const PromptClass& each : workload.classes) weights += each.weight;
  std::uint64_t place = walk % weights;
  PickedPrompt picked;
  while (place >= workload.classes[picked.prompt_class].weight) {
    place -= workload.classes[picked.prompt_class++].weight;
  }
  const auto& prompts = workload.classes[picked.prompt_class].prompts;
  picked.prompt.text = prompts[random_bits(request, 0) % prompts.size()];
  if (workload.system) picked.prompt.system = *workload.system;
  return picked;
}

}  // namespace kneepoint::agent
