#pragma once

#include <cstdint>

#include "agent/dialects/dialect.h"
#include "common/plan.h"

namespace kneepoint::agent {

/// Which request this is, over the whole fleet. Everything random about a request is a function of it.
struct RequestIdentity {
  std::uint64_t seed = 0;
  std::uint32_t cell = 0;
  std::uint64_t epoch = 0;
  std::uint32_t attempt = 0;
  std::uint32_t slot = 0;
  std::uint64_t k = 0;  ///< The slot's k-th request under this level, from 0.
  bool operator==(const RequestIdentity&) const = default;
};

/// 64 well-mixed bits of a request's identity. @param purpose separates independent draws for the same
/// request.
std::uint64_t random_bits(const RequestIdentity& request, std::uint64_t purpose);

/// What a request asks.
struct PickedPrompt {
  std::uint32_t prompt_class = 0;  ///< Index into Workload::classes.
  Prompt prompt;                   ///< Views into the workload.
};

/// Picks a request's class and prompt. Classes are walked by their weights, the class's prompts are drawn at
/// random.
/// @param walk the position in the walk: under a budget the request's index, so that the whole level meets
/// the classes exactly in proportion; else slot + k, so that every slot meets them all, however fast it is.
PickedPrompt pick_prompt(const Workload& workload, const RequestIdentity& request, std::uint64_t walk);

}  // namespace kneepoint::agent
