#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/fetch_ahead.h"

namespace kneepoint {

struct Chunk;

/// What a parser found out about where the varying parts of an event lie: views into the event.
struct EventParts {
  static constexpr std::size_t kMaxCounts = 4;

  std::string_view text;                            ///< The one non-empty text, without its quotes.
  std::uint32_t texts = 0;                          ///< How many non-empty texts there are.
  std::size_t text_bytes = 0;                       ///< Of all of them.
  std::array<std::string_view, kMaxCounts> counts;  ///< Unsigned integers of the usage object, in order.
  std::uint32_t count_count = 0;            ///< May exceed kMaxCounts; such an event makes no template.
  std::optional<std::uint32_t> completion;  ///< Which of them is completion_tokens,
  std::optional<std::uint32_t> prompt;      ///< and prompt_tokens.
};

/// The events of one stream are the same bytes again and again, but for a text and the usage counts. A
/// template is one event that the JSON parser has read, cut at these; an event that equals it everywhere else
/// means the same and needs no parser. Measured with callgrind: about 2,700 instructions a
/// token with simdjson, about 600 with the template.
///
/// Exact by construction: whatever does not match goes to the parser, which is always right.
class EventTemplate {
 public:
  /// @return false when the event is not of this template (or there is none); `chunk` is untouched then.
  bool match(std::string_view event, Chunk& chunk) const { return pieces_ != 0 && equals(event, chunk); }
  /// Asks for its bytes to be in the cache when `match` comes.
  void fetch() const { fetch_ahead(bytes_.data(), bytes_.size()); }
  /// Remembers an event that was parsed to `chunk`, when its kind can be recognised again.
  void learn(std::string_view event, const Chunk& chunk, const EventParts& parts);

 private:
  bool equals(std::string_view event, Chunk& chunk) const;
  std::string_view piece(std::size_t i) const;

  // The event without its varying parts. Piece 0 ends at the text; piece i + 1 begins behind count i.
  std::string bytes_;
  std::array<std::uint32_t, EventParts::kMaxCounts + 2> ends_{};
  std::uint32_t pieces_ = 0;  // 0: nothing learned
  std::optional<std::uint32_t> completion_;
  std::optional<std::uint32_t> prompt_;
  bool reasoning_ = false;  // else answer
};

}  // namespace kneepoint
