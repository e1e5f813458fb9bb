#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/dialects/dialect.h"

namespace kneepoint {

/// Reads the answers that the OpenAI dialects have in common: choices, usage, errors. Simdjson on demand, in
/// one pass from left to right and without unescaping a string: whether there is text is all that is asked.
class OpenAiAnswer {
 public:
  /// What reading finds: the meaning, and where its parts lie.
  struct Found {
    Chunk& chunk;
    EventParts parts;
    /// Whether a whole `message` is news: in a stream it repeats what the deltas said.
    bool messages = true;
    bool choices = false;  ///< There is at least one.
  };
  /// Notes what one choice carries; the choice is consumed.
  using ReadChoice = bool (*)(simdjson::ondemand::object choice, Found& found);

  /// @param model The name of the one that is asked.
  OpenAiAnswer(ReadChoice read_choice, std::string model)
      : read_choice_(read_choice), model_(std::move(model)), named_(model_) {}

  /// One event of a stream. @param json readable for kPadding bytes past its end. @return false when it is
  /// malformed.
  bool read_event(std::string_view json, StreamMemory& memory, Chunk& chunk);
  /// A whole answer; same conditions.
  bool read(std::string_view json, Chunk& chunk);

 private:
  bool parse(std::string_view json, Found& found, bool whole);
  bool read_choices(simdjson::ondemand::value& value, Found& found);
  std::uint16_t mark(std::string_view name);

  ReadChoice read_choice_;
  std::string model_;
  std::string named_;  ///< As an answer named its model last: most name it alike, in every event.
  std::uint16_t mark_ = 0;
  simdjson::ondemand::parser parser_;
};

/// Visits an object's members in order; `visit(key, value)` returns false when its value is malformed.
template <class Visit>
bool each_field(simdjson::ondemand::object& object, Visit visit) {
  for (auto field : object) {
    simdjson::ondemand::raw_json_string key;
    simdjson::ondemand::value value;
    if (field.key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS)
      return false;
    if (!visit(key, value)) return false;
  }
  return true;
}

/// What stands between the quotes of a string, as JSON writes it: a view into the document. Nothing for any
/// other type.
std::optional<std::string_view> string_inside(simdjson::ondemand::value& value);

/// Whether `value` is a string with something in it, which is then noted. A null, and any other type, is
/// none.
bool take_text(simdjson::ondemand::value& value, EventParts& parts);

bool is_null(simdjson::ondemand::value& value);

/// The digits of an unsigned integer, as a view into the document; `value` is not consumed.
std::string_view count_token(simdjson::ondemand::value& value);

/// Whether nothing follows the document's value.
inline bool at_end(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

/// Sets `chunk.finished` when a `finish_reason` is given, a text or (SGLang) an object with a `type`, and
/// `chunk.aborted` when it is that of a failure. @return false when it is malformed.
bool read_finish(simdjson::ondemand::value& value, Chunk& chunk);

/// Sets `chunk.error` when an `error` is given.
bool read_error(simdjson::ondemand::value& value, Chunk& chunk);

}  // namespace kneepoint
