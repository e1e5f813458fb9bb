#pragma once

#include <string>
#include <string_view>

#include "common/dialects/dialect.h"
#include "common/dialects/event_framing.h"

namespace kneepoint {

/// With room behind it for what a JSON reader may read there.
inline std::string padded(std::string_view text) {
  std::string copy;
  copy.reserve(text.size() + kPadding);
  copy.append(text);
  return copy;
}

/// "answer reasoning tool finish done error 12 of 7": what is set, and completion and prompt tokens.
inline std::string describe(const Chunk& chunk) {
  std::string text;
  const auto add = [&](bool flag, const std::string& name) {
    if (flag) text += (text.empty() ? "" : " ") + name;
  };
  add(chunk.answer, "answer");
  add(chunk.reasoning, "reasoning");
  add(chunk.tool_call, "tool");
  add(chunk.finished, "finish");
  add(chunk.aborted, "abort");
  add(chunk.done, "done");
  add(chunk.error, "error");
  if (chunk.completion_tokens) add(true, std::to_string(*chunk.completion_tokens));
  if (chunk.prompt_tokens) add(true, "of " + std::to_string(*chunk.prompt_tokens));
  return text;
}

}  // namespace kneepoint
