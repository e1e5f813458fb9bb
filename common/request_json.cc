#include "common/request_json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cstring>
#include <iterator>

namespace kneepoint {
namespace {

/// Whether a byte must be escaped inside a JSON string.
bool special(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

/// The same of any of eight bytes, by Mycroft's test for a byte below n: the prompts of long contexts have
/// megabytes, and a thread writes them between two reads.
bool any_special(const char* eight) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kHighs = 0x8080808080808080;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, eight, sizeof bytes);
  const std::uint64_t quotes = bytes ^ (kOnes * '"'), backslashes = bytes ^ (kOnes * '\\');
  return (((bytes - kOnes * 0x20) & ~bytes) | ((quotes - kOnes) & ~quotes) |
          ((backslashes - kOnes) & ~backslashes)) &
         kHighs;
}

/// How many bytes go before the first that must be escaped.
std::size_t clean_length(std::string_view text) {
  std::size_t clean = 0;
  while (clean + 8 <= text.size() && !any_special(text.data() + clean)) clean += 8;
  while (clean < text.size() && !special(text[clean])) ++clean;
  return clean;
}

/// Visits the members of a JSON object as written. @return false when the text is no JSON object.
template <class Visit>
bool each_member(const std::string& object, Visit visit) {
  // The document model parser validates everything, which is right for text that a person wrote.
  simdjson::dom::parser parser;
  simdjson::dom::object members;
  if (parser.parse(object).get_object().get(members) != simdjson::SUCCESS) return false;
  for (const auto& member : members) visit(member.key, simdjson::minify(member.value));
  return true;
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t clean = clean_length(text);
    out.append(text.substr(0, clean));
    if (clean == text.size()) break;
    switch (const char c = text[clean]) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    }
    text.remove_prefix(clean + 1);
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_json_text(out, text);
  out.push_back('"');
}

void append_plain_prompt(const Prompt& prompt, std::string& out) {
  if (!prompt.system.empty()) {
    append_json_text(out, prompt.system);
    out.append("\\n\\n");
  }
  append_json_text(out, prompt.text);
}

void append_messages(const Prompt& prompt, std::string& out) {
  out.push_back('[');
  if (!prompt.system.empty()) {
    out.append(R"({"role":"system","content":)");
    append_json_string(out, prompt.system);
    out.append("},");
  }
  if (!prompt.messages.empty()) {
    out.append(prompt.messages);
    out.push_back(']');
    return;
  }
  for (const Exchange& earlier : prompt.history) {
    out.append(R"({"role":"user","content":)");
    append_json_string(out, earlier.user);
    out.append(R"(},{"role":"assistant","content":")");
    out.append(earlier.answer_json);
    out.append(R"("},)");
  }
  out.append(R"({"role":"user","content":)");
  append_json_string(out, prompt.text);
  out.append("}]");
}

RequestMembers::RequestMembers(const std::string& model, const Workload& workload,
                               std::string_view token_limit_name) {
  std::string extra;
  if (!workload.extra_body.empty()) {
    each_member(workload.extra_body, [&](std::string_view name, const std::string& value) {
      extra_names_.emplace(name);
      extra.push_back(',');
      append_json_string(extra, name);
      extra.push_back(':');
      extra.append(value);
    });
  }
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!overridden(name)) fixed_.append(fmt::format(R"(,"{}":{})", name, value));
  };
  if (!model.empty()) {
    std::string quoted;
    append_json_string(quoted, model);
    add("model", quoted);
  }
  model_.swap(fixed_);
  if (!overridden(token_limit_name)) limit_ = fmt::format(R"(,"{}":)", token_limit_name);
  if (workload.output_tokens && workload.output_tokens->fixed())
    output_tokens_ = workload.output_tokens->sample_whole(0, 1);
  if (workload.temperature) add("temperature", fmt::to_string(*workload.temperature));
  if (workload.top_p) add("top_p", fmt::to_string(*workload.top_p));
  add("stream", workload.stream ? "true" : "false");
  fixed_.append(extra);
}

void RequestMembers::append(const Prompt& prompt, std::string& out) const {
  out.append(model_);
  const auto& limit = prompt.output_tokens ? prompt.output_tokens : output_tokens_;
  if (limit && !limit_.empty()) {
    out.append(limit_);
    fmt::format_to(std::back_inserter(out), "{}", *limit);
  }
  out.append(fixed_);
}

void RequestMembers::append_around(const Prompt& prompt, std::string_view options, std::string& out) const {
  const std::size_t begin = out.size();
  out.append(model_);
  out.append(fixed_);
  if (!options.empty()) {
    out.append(R"(,"stream_options":)");
    out.append(options);
  }
  out[begin] = '{';  // instead of the first comma: `stream` at least is there
  out.push_back(',');
  out.append(prompt.body);
}

std::string merged_extra_body(const std::string& base, const std::string& over) {
  if (base.empty() || over.empty()) return base.empty() ? over : base;
  std::set<std::string, std::less<>> taken;
  std::string merged = "{";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!taken.emplace(name).second) return;
    if (merged.size() > 1) merged += ',';
    append_json_string(merged, name);
    merged += ':' + value;
  };
  each_member(over, add);
  each_member(base, add);
  return merged + '}';
}

Result<void> check_extra_body(const std::string& extra_body) {
  if (extra_body.empty() || each_member(extra_body, [](std::string_view, const std::string&) {})) return {};
  return Error{"extra_body is not a JSON object"};
}

}  // namespace kneepoint
