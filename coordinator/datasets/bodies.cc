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

/// How many answers a completion of it has: a list may hold texts or prompts in tokens, or be one in tokens.
std::size_t prompts_of(dom::object body) {
  dom::array prompts;
  if (body["prompt"].get(prompts) || prompts.size() == 0) return 1;
  return prompts.at(0).is_uint64() || prompts.at(0).is_int64() ? 1 : prompts.size();
}

/// Complains about what is no request body. @return the most tokens that it lets the answer have; 0: as many
/// as the server likes.
std::uint32_t check_body(dom::object body, std::size_t line) {
  const auto has = [&](std::string_view name) { return body[name].error() == simdjson::SUCCESS; };
  if (!has("messages") && !has("prompt") && !has("input") && !has("contents")) {
    // As the files of OpenAI's batch API have it.
    if (has("body"))
      throw DatasetError{line, "has its request body in 'body'; 'jq -c .body' makes a file of bodies"};
    throw DatasetError{line,
                       "has none of 'messages', 'prompt', 'input' and 'contents': it is no request body"};
  }
  dom::element messages;
  dom::array list;
  if (!body["messages"].get(messages)) {
    if (messages.get(list)) throw DatasetError{line, "'messages' is no list"};
    if (list.size() == 0) throw DatasetError{line, "'messages' is empty"};
  }
  dom::element answers;
  std::uint64_t number = 0;
  // Servers take "2" and 2.0 for 2.
  if (!body["n"].get(answers) && !answers.is_null() && (answers.get(number) || number != 1))
    throw DatasetError{line,
                       fmt::format("'n' is {}; one request is one answer here", simdjson::minify(answers))};
  if (const std::size_t prompts = prompts_of(body); prompts > 1)
    throw DatasetError{
        line, fmt::format("'prompt' is a list of {}; one request is one answer here: write a line for each",
                          prompts)};
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
