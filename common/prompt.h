#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kneepoint {

/// What the user said and what was answered, earlier in a conversation.
struct Exchange {
  std::string_view user;
  std::string_view answer_json;  ///< The inside of a JSON string.
};

/// One request's content.
struct Prompt {
  std::string_view system;  ///< Empty: none.
  std::string_view text;
  std::span<const Exchange> history = {};  ///< For chat dialects only.
  std::optional<std::uint32_t> output_tokens =
      {};  ///< The most of this answer; absent: as the workload says.
};

}  // namespace kneepoint
