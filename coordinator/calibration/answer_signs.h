#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/target.h"

namespace kneepoint::coordinator {

/// Where the tokens of an answer are counted: nowhere, at its end, or while it is streamed.
enum class UsageReport : std::uint8_t { kNone, kAtEnd, kRunning };

/// How an answer came: as nothing that is known, event by event, or as one JSON document.
enum class AnswerForm : std::uint8_t { kUnknown, kStream, kWhole };

/// What the body of a reply shows of the answer in it. One that reports an error shows nothing.
struct AnswerSigns {
  AnswerForm form = AnswerForm::kUnknown;
  std::optional<UsageReport> usage;  ///< Absent: it has no content.
};

/// Reads a complete body in the target's dialect, with the reader that its load will have; asked for as a
/// stream or not. Never throws.
AnswerSigns read_signs(const Target& target, std::string_view body);

/// How many tokens the prompt had, as the usage of an answer that is one document counts them, likewise.
std::optional<std::uint64_t> read_prompt_tokens(const Target& target, std::string_view body);

/// Whether an answer that is one document reports an error, likewise; absent where it is no such document.
std::optional<bool> reports_error(const Target& target, std::string_view body);

}  // namespace kneepoint::coordinator
