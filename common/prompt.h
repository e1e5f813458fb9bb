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
  /// Messages as a chat API has them, the inside of a JSON list: in place of text and history.
  std::string_view messages = {};
  /// The members of a request body, up to and with its closing brace: in place of all the above.
  std::string_view body = {};
};

}  // namespace kneepoint
