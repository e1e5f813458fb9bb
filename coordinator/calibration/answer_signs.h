#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/dialect_description.h"

namespace kneepoint::coordinator {

/// Where the tokens of an answer are counted: nowhere, at its end, or while it is streamed.
enum class UsageReport : std::uint8_t { kNone, kAtEnd, kRunning };

/// How an answer came: as nothing that is known, event by event, or as one JSON document.
enum class AnswerForm : std::uint8_t { kUnknown, kStream, kWhole };

/// What the body of a reply shows of the answer in it.
struct AnswerSigns {
  AnswerForm form = AnswerForm::kUnknown;
  std::optional<UsageReport> usage;  ///< Absent: it has no content.
  bool failed = false;               ///< It reports an error. Then the rest says nothing.
};

/// Reads a complete body by a description of its dialect; asked for as a stream or not. Never throws.
AnswerSigns read_signs(const DialectDescription& dialect, std::string_view body);

/// Where the answers of OpenAI's chat and completions have what such a question looks for.
const DialectDescription& openai_answers();

}  // namespace kneepoint::coordinator
