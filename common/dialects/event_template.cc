#include "common/dialects/event_template.h"

#include <simdjson.h>

#include <cstring>

#include "common/dialects/dialect.h"

namespace kneepoint {
namespace {

/// The length of a JSON string's content at the start of `text`: up to the first quote that is not escaped.
/// @return npos when it does not end, or holds what no JSON string may hold.
std::size_t string_length(std::string_view text) {
  bool ascii = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"') return ascii || simdjson::validate_utf8(text.data(), i) ? i : std::string_view::npos;
    if (c < 0x20) return std::string_view::npos;
    if (c == '\\') ++i;
    ascii = ascii && c < 0x80;
  }
  return std::string_view::npos;
}

/// Takes an unsigned integer as JSON writes it from the start of `text`; one of more digits than a count of
/// tokens may have is left to the parser.
bool take_count(std::string_view& text, std::uint64_t& count) {
  constexpr std::size_t kMaxDigits = 8;
  static_assert(kMostTokens == 99'999'999);
  std::size_t digits = 0;
  count = 0;
  while (digits < text.size() && digits < kMaxDigits && text[digits] >= '0' && text[digits] <= '9') {
    count = 10 * count + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  if (digits == 0 || (digits > 1 && text.front() == '0')) return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, std::string_view expected) {
  if (text.size() < expected.size() || std::memcmp(text.data(), expected.data(), expected.size()) != 0)
    return false;
  text.remove_prefix(expected.size());
  return true;
}

}  // namespace

std::string_view EventTemplate::piece(std::size_t i) const {
  const std::uint32_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(bytes_).substr(begin, ends_[i] - begin);
}

bool EventTemplate::equals(std::string_view event, Chunk& chunk) const {
  if (!take(event, piece(0))) return false;
  const std::size_t length = string_length(event);
  if (length == 0 || length == std::string_view::npos) return false;  // an empty text is no content
  const std::string_view text = event.substr(0, length);
  event.remove_prefix(length);
  std::array<std::uint64_t, EventParts::kMaxCounts> counts{};
  for (std::uint32_t i = 1; i < pieces_; ++i) {
    if (!take(event, piece(i))) return false;
    if (i + 1 < pieces_ && !take_count(event, counts[i - 1])) return false;
  }
  if (!event.empty()) return false;
  (reasoning_ ? chunk.reasoning : chunk.answer) = true;
  if (!reasoning_) chunk.text = text;
  chunk.text_bytes = length;
  if (completion_) chunk.completion_tokens = counts[*completion_];
  if (prompt_) chunk.prompt_tokens = counts[*prompt_];
  return true;
}

void EventTemplate::learn(std::string_view event, const Chunk& chunk, const EventParts& parts) {
  const bool plain = chunk.answer != chunk.reasoning && !chunk.tool_call && !chunk.finished && !chunk.error;
  if (!plain || parts.texts != 1 || parts.count_count > EventParts::kMaxCounts) return;
  pieces_ = 0;
  bytes_.clear();
  const char* at = event.data();
  std::uint32_t pieces = 0;
  // The counts must follow the text; a host that writes them before it has no template.
  const auto cut = [&](std::string_view part) {
    if (part.data() < at) return false;
    bytes_.append(at, part.data());
    ends_[pieces++] = static_cast<std::uint32_t>(bytes_.size());
    at = part.data() + part.size();
    return true;
  };
  if (!cut(parts.text)) return;
  for (std::uint32_t i = 0; i < parts.count_count; ++i) {
    if (!cut(parts.counts[i])) return;
  }
  bytes_.append(at, event.data() + event.size());
  ends_[pieces++] = static_cast<std::uint32_t>(bytes_.size());
  pieces_ = pieces;
  completion_ = parts.completion;
  prompt_ = parts.prompt;
  reasoning_ = chunk.reasoning;
}

}  // namespace kneepoint
