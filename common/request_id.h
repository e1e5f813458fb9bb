#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace kneepoint {

/// The X-Request-Id that a request is sent with: the slot's `k`-th under the level `epoch`.
inline std::string request_id(std::string_view run_id, std::uint32_t cell, std::uint64_t epoch,
                              std::uint32_t slot, std::uint64_t k) {
  return fmt::format("{}-{}-{}-{}-{}", run_id, cell, epoch, slot, k);
}

}  // namespace kneepoint
