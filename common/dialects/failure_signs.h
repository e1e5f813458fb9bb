#pragma once

#include <simdjson.h>

#include <optional>
#include <string_view>

#include "common/dialects/dialect.h"

namespace kneepoint {

/// Whether a value is given: not missing, null, false, 0, "", [] or {}. Consumes it. @return nothing when it
/// is malformed.
std::optional<bool> is_given(simdjson::ondemand::value& value);

/// Whether a finish reason says that the answer was broken off and not finished: "abort", "error",
/// "network_error", "insufficient_system_resource", … @param reason as JSON writes it, without its quotes.
bool breaks_off(std::string_view reason);

/// How hosts say at status 200 that they have failed, whatever their dialect is: members of the root of a
/// document. Some say it by themselves ({"error": …}, {"object": "error"}, {"type": "error"}); others do only
/// where nothing of an answer stands beside them ({"detail": …}, {"code": 1305, "message": …}).
class FailureSigns {
 public:
  /// Notes a member of the root. @return false when its value is malformed.
  bool note(simdjson::ondemand::raw_json_string key, simdjson::ondemand::value& value) {
    return !may_be_one(key) || note_member(key, value);
  }
  /// Whether the document says so by itself.
  bool sure() const { return sure_; }
  /// @param chunk what else the document says. @param whole the document is all of the answer, so that a
  /// message in it is no news of progress.
  bool failed(const Chunk& chunk, bool whole) const;

 private:
  /// By the first two letters: most members of most events are none, and are told apart here.
  static bool may_be_one(simdjson::ondemand::raw_json_string key) {
    switch (key.raw()[0]) {
      case 'c':
        return key.raw()[1] == 'o';  // code, not created
      case 'm':
        return key.raw()[1] != 'o';  // message, not model
      case 's':
        return key.raw()[1] == 't' || key.raw()[1] == 'u';  // status, success, not system_fingerprint
      case 'b':
      case 'd':
      case 'e':
      case 'f':
      case 'o':
      case 't':
        return true;
      default:
        return false;
    }
  }
  bool note_member(simdjson::ondemand::raw_json_string key, simdjson::ondemand::value& value);
  bool note_kind(simdjson::ondemand::value& value);
  bool note_code(simdjson::ondemand::value& value);
  bool note_given(simdjson::ondemand::value& value, bool& sign);
  bool note_nested(simdjson::ondemand::value& value);

  bool sure_ = false;
  bool likely_ = false;   // where nothing else is there
  bool message_ = false;  // the same, in a whole document
  bool fine_ = false;     // a code says that all is well
};

}  // namespace kneepoint
