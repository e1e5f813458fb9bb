#pragma once

#include <string>
#include <vector>

#include "common/plan.h"

namespace kneepoint::bench {

/// What the events of a canned answer look like.
enum class Shape {
  kUsual,    ///< Each equals the one before but for its text and its counts, as a serving host sends them.
  kUnusual,  ///< Each differs in its members from the one before, so that no template fits and JSON is
             ///< parsed.
};

/// An answer as the client's reads find it, one event a read, in chunked HTTP. Every string has the room
/// behind its end that parsers may read (kPadding).
struct CannedStream {
  std::string head;                  ///< Status line and header fields.
  std::vector<std::string> reads;    ///< One content event each.
  std::string tail;                  ///< Finish reason, final usage, end marker, last chunk.
  std::vector<std::string> payload;  ///< The JSON of each of `reads`.
};

/// The target whose dialect the canned answers speak. A custom one is TGI's: the id of each token makes
/// events differ where no template foresees it.
Target canned_target(Api api);

/// @param tokens how many content events. @param shape kUnusual is known for Api::kOpenAiChat only.
CannedStream canned_stream(Api api, Shape shape, std::size_t tokens);

}  // namespace kneepoint::bench
