#include "coordinator/calibration/answer_signs.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

namespace kneepoint::coordinator {
namespace {

using simdjson::dom::element;

/// As docs/dialects.md has it: not missing, null, false, "", [] or {}.
bool stands_there(const element& root, std::string_view pointer, bool zero_is_given = true) {
  element value;
  if (root.at_pointer(pointer).get(value)) return false;
  switch (value.type()) {
    case simdjson::dom::element_type::NULL_VALUE:
      return false;
    case simdjson::dom::element_type::BOOL:
      return value.get_bool().value_unsafe();
    case simdjson::dom::element_type::STRING:
      return !value.get_string().value_unsafe().empty();
    case simdjson::dom::element_type::ARRAY:
      return value.get_array().value_unsafe().size() > 0;
    case simdjson::dom::element_type::OBJECT:
      return value.get_object().value_unsafe().size() > 0;
    default:
      return zero_is_given || simdjson::minify(value) != "0";
  }
}

bool holds(const element& root, const PointerCondition& condition) {
  element value;
  if (!condition.value) return stands_there(root, condition.pointer);
  if (root.at_pointer(condition.pointer).get(value)) return false;
  std::string_view text;
  return value.get(text) ? simdjson::minify(value) == *condition.value : text == *condition.value;
}

bool has_content(const element& root, const AnswerPointers& at) {
  const auto any = [&](const std::vector<std::string>& pointers, bool of_text) {
    return std::any_of(pointers.begin(), pointers.end(), [&](const std::string& written) {
      const GuardedPointer guarded = split_when(written);
      return stands_there(root, guarded.pointer) &&
             (!of_text || root.at_pointer(guarded.pointer).is_string()) &&
             (!guarded.when || holds(root, *guarded.when));
    });
  };
  return any(at.text, true) || any(at.reasoning, true) || any(at.tool_call, false);
}

bool has_error(const element& root, const AnswerPointers& at) {
  return std::any_of(at.error.begin(), at.error.end(), [&](const std::string& written) {
    const PointerCondition condition = split_condition(written);
    return condition.value ? holds(root, condition) : stands_there(root, condition.pointer, false);
  });
}

bool has_end(const element& root, const AnswerPointers& at) {
  return std::any_of(at.finish.begin(), at.finish.end(),
                     [&](const std::string& written) { return holds(root, split_condition(written)); });
}

bool has_count(const element& root, const AnswerPointers& at) {
  return std::any_of(at.completion_tokens.begin(), at.completion_tokens.end(),
                     [&](const std::string& pointer) {
                       std::uint64_t tokens = 0;
                       return !root.at_pointer(pointer).get(tokens);
                     });
}

/// A body that is no stream: one document, whose counts are those of its end.
AnswerSigns read_document(const element& root, const AnswerPointers& at) {
  if (has_error(root, at)) return {.failed = true};
  const bool content = has_content(root, at), count = has_count(root, at);
  AnswerSigns signs;
  if (content || count || has_end(root, at)) signs.form = AnswerForm::kWhole;
  if (content) signs.usage = count ? UsageReport::kAtEnd : UsageReport::kNone;
  return signs;
}

}  // namespace

AnswerSigns read_signs(const DialectDescription& dialect, std::string_view body) {
  simdjson::dom::parser parser;
  element root;
  const bool lines = dialect.framing == DialectDescription::Framing::kJsonLines;
  // One JSON line is a stream, too, of one event.
  const bool one_line = body.find('\n') >= body.find_last_not_of(" \t\r\n");
  if (!(lines && one_line) && !parser.parse(simdjson::padded_string(body)).get(root) && root.is_object())
    return read_document(root, dialect.answer);
  AnswerSigns signs;
  bool content = false, running = false, at_end = false;
  while (!body.empty()) {
    std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), line.size() + 1));
    if (!lines && !line.starts_with("data:")) continue;
    if (!lines) line.remove_prefix(5);
    if (parser.parse(simdjson::padded_string(line)).get(root) || !root.is_object()) continue;
    if (has_error(root, dialect.stream)) return {.failed = true};
    signs.form = AnswerForm::kStream;
    const bool has_text = has_content(root, dialect.stream), counted = has_count(root, dialect.stream);
    content = content || has_text;
    running = running || (has_text && counted);
    at_end = at_end || counted;
  }
  if (content)
    signs.usage = running ? UsageReport::kRunning : at_end ? UsageReport::kAtEnd : UsageReport::kNone;
  return signs;
}

const DialectDescription& openai_answers() {
  // A content may be a list of parts: given is enough, and `tool_call` asks no more.
  static const DialectDescription kAnswers = [] {
    DialectDescription dialect;
    const auto members = [](const std::string& message) {
      std::vector<std::string> pointers = {"/choices/0/text"};
      for (const char* const name : {"content", "reasoning_content", "reasoning", "thinking", "refusal",
                                     "tool_calls", "audio", "images"})
        pointers.push_back("/choices/0/" + message + "/" + name);
      return pointers;
    };
    dialect.stream = {.tool_call = members("delta"),
                      .error = {"/error"},
                      .completion_tokens = {"/usage/completion_tokens"}};
    dialect.answer = {.tool_call = members("message"),
                      .finish = {"/choices/0/finish_reason"},
                      .error = {"/error"},
                      .completion_tokens = {"/usage/completion_tokens"}};
    return dialect;
  }();
  return kAnswers;
}

}  // namespace kneepoint::coordinator
