#include "common/dialects/failure_signs.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "common/dialects/openai_answer.h"

namespace kneepoint {
namespace {

using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

bool holds(std::string_view text, std::string_view lower_case) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b; };
  return std::search(text.begin(), text.end(), lower_case.begin(), lower_case.end(), same) != text.end();
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> lower_case) {
  return std::any_of(lower_case.begin(), lower_case.end(),
                     [&](std::string_view each) { return text.size() == each.size() && holds(text, each); });
}

template <class... Names>
bool is_key(ondemand::raw_json_string key, Names... names) {
  return (key.unsafe_is_equal(std::string_view(names)) || ...);
}

}  // namespace

std::optional<bool> is_given(ondemand::value& value) {
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return std::nullopt;
  if (type == ondemand::json_type::null) return false;  // nearly always
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      bool given = false;
      if (value.get_object().get(object) != SUCCESS) return std::nullopt;
      const bool whole = each_field(object, [&](auto, auto&) { return given = true; });
      return whole ? std::optional(given) : std::nullopt;
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      bool given = false;
      if (value.get_array().get(array) != SUCCESS) return std::nullopt;
      for (auto item : array) {
        if (item.error() != SUCCESS) return std::nullopt;
        given = true;
      }
      return given;
    }
    case ondemand::json_type::string: {
      const auto text = string_inside(value);
      return text && !text->empty();
    }
    case ondemand::json_type::number: {
      double number = 1;
      return value.get_double().get(number) != SUCCESS || number != 0;
    }
    case ondemand::json_type::boolean: {
      bool truth = false;
      if (value.get_bool().get(truth) != SUCCESS) return std::nullopt;
      return truth;
    }
    case ondemand::json_type::null:
      return false;
  }
  return false;
}

bool breaks_off(std::string_view reason) {
  static constexpr std::array<std::string_view, 11> kSigns = {
      "abort",       "error",    "cancel",   "fail",    "insufficient", "interrupt",
      "unavailable", "overload", "time_out", "timeout", "timed_out"};
  return std::any_of(kSigns.begin(), kSigns.end(),
                     [&](std::string_view sign) { return holds(reason, sign); });
}

bool FailureSigns::note_member(ondemand::raw_json_string key, ondemand::value& value) {
  switch (*key.raw()) {
    case 'e':
      if (is_key(key, "error", "errors")) return note_given(value, sure_);
      if (is_key(key, "error_code", "errcode", "errorCode")) return note_code(value);
      if (is_key(key, "error_message", "error_msg", "errorMessage", "errmsg"))
        return note_given(value, likely_);
      break;
    case 'o':
      if (is_key(key, "object")) return note_kind(value);
      break;
    case 't':
      if (is_key(key, "type")) return note_kind(value);
      break;
    case 'd':
      if (is_key(key, "detail")) return note_given(value, likely_);
      break;
    case 'f':
      if (is_key(key, "fault")) return note_given(value, likely_);
      break;
    case 'm':
      // A text; an object is the message of an answer in another dialect.
      if (is_key(key, "message", "msg") && string_inside(value)) return note_given(value, message_);
      break;
    case 'c':
      if (is_key(key, "code")) return note_code(value);
      break;
    case 's':
      if (is_key(key, "status", "status_code", "statusCode", "success")) return note_code(value);
      break;
    case 'b':
      if (is_key(key, "base_resp")) return note_nested(value);
      break;
    default:
      break;
  }
  return true;
}

/// "error" where the kind of a document stands.
bool FailureSigns::note_kind(ondemand::value& value) {
  const std::string_view kind = value.raw_json_token();
  sure_ = sure_ || kind.starts_with("\"error\"") || kind.starts_with("\"response.failed\"");
  return true;
}

/// A number or a word that says how it went.
bool FailureSigns::note_code(ondemand::value& value) {
  if (const auto word = string_inside(value)) {
    if (is_one_of(*word, {"0", "200", "ok", "success", "succeeded", "true", "completed"})) {
      fine_ = true;
    } else if (!word->empty() && !is_one_of(*word, {"null", "queued", "pending", "processing", "running",
                                                    "in_progress", "incomplete", "started"})) {
      likely_ = true;
    }
    return true;
  }
  ondemand::json_type type;
  if (value.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::number) {
    double number = 0;
    if (value.get_double().get(number) != SUCCESS) return true;
    const bool fine = number == 0 || (number >= 200 && number < 300);
    (fine ? fine_ : likely_) = true;
  } else if (type == ondemand::json_type::boolean) {
    bool truth = false;
    if (value.get_bool().get(truth) != SUCCESS) return false;
    (truth ? fine_ : likely_) = true;
  }
  return true;
}

bool FailureSigns::note_given(ondemand::value& value, bool& sign) {
  const auto given = is_given(value);
  sign = sign || given.value_or(false);
  return given.has_value();
}

/// {"base_resp": {"status_code": 1004, …}}, which stands beside an answer as well.
bool FailureSigns::note_nested(ondemand::value& value) {
  ondemand::object object;
  if (value.get_object().get(object) != SUCCESS) return true;
  FailureSigns inner;
  const bool whole = each_field(object, [&](ondemand::raw_json_string key, ondemand::value& member) {
    return !is_key(key, "status_code") || inner.note_code(member);
  });
  sure_ = sure_ || inner.likely_;
  return whole;
}

bool FailureSigns::failed(const Chunk& chunk, bool whole) const {
  if (sure_) return true;
  const bool says_more = chunk.content() || chunk.finished || chunk.done || chunk.completion_tokens;
  return !says_more && !fine_ && (likely_ || (whole && message_));
}

}  // namespace kneepoint
