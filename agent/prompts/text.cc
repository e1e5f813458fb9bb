#include "agent/prompts/text.h"

#include "common/distribution.h"

namespace kneepoint::agent {

std::uint64_t random_bits(const RequestIdentity& request, std::uint64_t purpose) {
  std::uint64_t bits = mix_bits(request.seed);
  for (const std::uint64_t part : {std::uint64_t{request.cell}, request.epoch, std::uint64_t{request.attempt},
                                   std::uint64_t{request.slot}, request.k, purpose}) {
    bits = mix_bits(bits ^ part);
  }
  return bits;
}

}  // namespace kneepoint::agent
