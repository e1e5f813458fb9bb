#pragma once

#include <simdjson.h>

#include <string_view>

#include "agent/dialects/dialect.h"

namespace kneepoint::agent {

/// Reads the answers that the OpenAI dialects have in common: choices, usage, errors. Simdjson on demand, in one pass
/// from left to right and without unescaping a string: whether there is text is all that is asked.
class OpenAiAnswer {
 public:
  /// Marks in `chunk` what one choice carries; the choice is consumed.
  using ReadChoice = bool (*)(simdjson::ondemand::object choice, Chunk& chunk);

  explicit OpenAiAnswer(ReadChoice read_choice) : read_choice_(read_choice) {}

  /// @param json readable for kPadding bytes past its end. @return false when it is malformed.
  bool read(std::string_view json, Chunk& chunk);

 private:
  ReadChoice read_choice_;
  simdjson::ondemand::parser parser_;
};

/// Visits an object's members in order; `visit(key, value)` returns false when its value is malformed.
template <class Visit>
bool each_field(simdjson::ondemand::object& object, Visit visit) {
  for (auto field : object) {
    simdjson::ondemand::raw_json_string key;
    simdjson::ondemand::value value;
    if (field.key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS) return false;
    if (!visit(key, value)) return false;
  }
  return true;
}

/// Whether `value` is a string with something in it. A null, and any other type, is none.
inline bool has_text(simdjson::ondemand::value& value) {
  simdjson::ondemand::raw_json_string text;
  return value.get_raw_json_string().get(text) == simdjson::SUCCESS && *text.raw() != '"';
}

/// Whether nothing follows the document's value.
inline bool at_end(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// Sets `chunk.finished` when a `finish_reason` is given.
inline void read_finish(simdjson::ondemand::value& value, Chunk& chunk) {
  if (has_text(value)) chunk.finished = true;
}

}  // namespace kneepoint::agent
