#pragma once

#include <cstdint>
#include <optional>

namespace kneepoint::agent {

/// What one request asks, decided but not written: a few numbers, of which its text is made when it is sent.
struct PromptPick {
  std::uint32_t prompt_class = 0;  ///< Index into Workload::classes.
  std::uint32_t item = 0;          ///< The class's prompt, or the dataset's entry.
  std::uint32_t turn = 0;          ///< Of its conversation, from 0.
  std::uint32_t prefix_group = 0;
  std::uint64_t seed = 0;          ///< Of the text that no other request has.
  std::uint64_t level_seed = 0;    ///< Of what a level's requests share: a trace's blocks.
  std::uint32_t input_tokens = 0;  ///< Made to this length; 0: the text is given.
  std::optional<std::uint32_t> output_tokens;
};

}  // namespace kneepoint::agent
