#include "coordinator/datasets/bodies.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <string>

#include "common/request_json.h"
#include "coordinator/datasets/lines.h"

namespace kneepoint::coordinator {
namespace {

namespace dom = simdjson::dom;
namespace ondemand = simdjson::ondemand;

/// Complains about what is no request body. @return the most tokens that it lets the answer have; 0: as many
/// as the server likes.
std::uint32_t check_body(dom::object body, std::size_t line) {
  const auto has = [&](std::string_view name) { return body[name].error() == simdjson::SUCCESS; };
  if (!has("messages") && !has("prompt") && !has("input") && !has("contents")) {
    throw DatasetError{line,
                       "has none of 'messages', 'prompt', 'input' and 'contents': it is no request body"};
  }
  dom::array messages;
  if (!body["messages"].get(messages) && messages.size() == 0)
    throw DatasetError{line, "'messages' is empty"};
  std::uint64_t answers = 1;
  if (!body["n"].get(answers) && answers != 1)
    throw DatasetError{line, fmt::format("'n' is {}; one request is one answer here", answers)};
  for (const char* name : {"max_completion_tokens", "max_tokens", "max_output_tokens"}) {
    std::uint64_t most = 0;
    if (!body[name].get(most)) return token_count(most, name, line);
  }
  return 0;
}

/// The object's members as written, but for ours.
std::string others(ondemand::parser& parser, const simdjson::padded_string& object, std::size_t line) {
  ondemand::document document;
  ondemand::object members;
  std::string text;
  if (parser.iterate(object).get(document) || document.get_object().get(members))
    throw DatasetError{line, "is not a JSON object"};
  for (auto field : members) {
    std::string_view name, value;
    if (field.unescaped_key().get(name)) throw DatasetError{line, "is not a JSON object"};
    const std::string key(name);  // the parser reuses its place for the value's texts
    const bool ours = name == "model" || name == "stream" || name == "stream_options";
    if (simdjson::to_json_string(field.value()).get(value)) throw DatasetError{line, "is not a JSON object"};
    if (ours) continue;
    if (!text.empty()) text += ',';
    append_json_string(text, key);
    text.append(":").append(value);
  }
  return text + '}';
}

}  // namespace

void read_bodies(std::string_view text, DatasetCollector& into) {
  dom::parser validating;
  ondemand::parser parser;
  each_line(text, [&](std::string_view line, std::size_t number) {
    into.attempt([&] {
      const simdjson::padded_string copy(line);
      dom::object body;
      if (const auto error = validating.parse(copy).get_object().get(body)) {
        const std::string why = simdjson::error_message(error);
        throw DatasetError{number, fmt::format("is no JSON object: {}", why.substr(0, why.find('.')))};
      }
      DatasetEntry entry;
      entry.output_tokens = check_body(body, number);
      entry.turns.push_back(others(parser, copy, number));
      into.add(std::move(entry), number);
    });
    return !into.full();
  });
}

}  // namespace kneepoint::coordinator
