#include "common/request_template.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <iterator>
#include <string_view>
#include <utility>

#include "common/request_json.h"

namespace kneepoint {
namespace {

namespace dom = simdjson::dom;
using Pieces = std::vector<TemplatePiece>;

/// Per workload; those of a request are filled in later.
bool is_fixed(Placeholder placeholder) {
  switch (placeholder) {
    case Placeholder::kPrompt:
    case Placeholder::kUser:
    case Placeholder::kSystem:
    case Placeholder::kMessages:
      return false;
    default:
      return true;
  }
}

}  // namespace

class RequestTemplateCompiler {
 public:
  RequestTemplateCompiler(const std::string& model, const Workload& workload)
      : model_(model), workload_(workload) {}

  Result<RequestTemplate> compile(const std::string& request) {
    dom::parser request_parser, extra_parser;
    dom::object root, extra;
    if (request_parser.parse(request).get_object().get(root) != simdjson::SUCCESS)
      return Error{"'request' is not a JSON object"};
    const std::string extra_text = workload_.extra_body.empty() ? "{}" : workload_.extra_body;
    if (extra_parser.parse(extra_text).get_object().get(extra) != simdjson::SUCCESS)
      return Error{"extra_body is not a JSON object"};
    if (workload_.dataset && workload_.dataset->bodies) {
      own_members(root);
    } else {
      object(root, &extra);
    }
    if (!problem_.empty()) return Error{problem_};
    if (!literal_.empty()) result_.pieces_.push_back({std::move(literal_), std::nullopt});
    return std::move(result_);
  }

 private:
  /// What a body that comes from a file is sent with: the members whose values are not its author's affair.
  void own_members(dom::object members) {
    literal_ += '{';
    for (const auto& [name, member] : members) {
      if ((name != "model" && name != "stream" && name != "stream_options") || unset(member)) continue;
      append_json_string(literal_, name);
      literal_ += ':';
      value(member);
      literal_ += ',';
    }
  }

  /// @param extra members that are added, and win; nullptr for none.
  void object(dom::object members, const dom::object* extra) {
    literal_ += '{';
    const char* separator = "";
    const auto begin_member = [&](std::string_view name) {
      literal_ += std::exchange(separator, ",");
      append_json_string(literal_, name);
      literal_ += ':';
    };
    for (const auto& [name, member] : members) {
      dom::element own = member, winner;
      if (extra != nullptr && extra->at_key(name).get(winner) == simdjson::SUCCESS) {
        begin_member(name);
        dom::object from, onto;
        if (own.get_object().get(onto) == simdjson::SUCCESS &&
            winner.get_object().get(from) == simdjson::SUCCESS) {
          object(onto, &from);
        } else {
          literal_ += simdjson::minify(winner);
        }
        continue;
      }
      if (unset(own)) continue;
      begin_member(name);
      value(own);
    }
    if (extra != nullptr) {
      for (const auto& [name, member] : *extra) {
        dom::element own;
        if (members.at_key(name).get(own) == simdjson::SUCCESS) continue;
        begin_member(name);
        literal_ += simdjson::minify(member);
      }
    }
    literal_ += '}';
  }

  void value(dom::element element) {
    dom::object members;
    dom::array items;
    std::string_view text;
    if (element.get_object().get(members) == simdjson::SUCCESS) {
      object(members, nullptr);
    } else if (element.get_array().get(items) == simdjson::SUCCESS) {
      literal_ += '[';
      const char* separator = "";
      for (dom::element item : items) {
        if (unset(item)) continue;
        literal_ += std::exchange(separator, ",");
        value(item);
      }
      literal_ += ']';
    } else if (element.get_string().get(text) == simdjson::SUCCESS) {
      string(text);
    } else {
      literal_ += simdjson::minify(element);
    }
  }

  void string(std::string_view text) {
    const Pieces pieces = split(text);
    const auto whole = only_placeholder(pieces);
    if (whole == Placeholder::kMessages || (whole && varies(*whole))) return later(*whole);
    if (whole && is_fixed(*whole)) {
      literal_ += fixed_value(*whole);
      return;
    }
    literal_ += '"';
    for (const TemplatePiece& piece : pieces) {
      if (!piece.placeholder) {
        append_json_text(literal_, piece.literal);
      } else if (*piece.placeholder == Placeholder::kMessages) {
        problem_ = "'{messages}' must be the whole string: it stands for a list";
      } else if (*piece.placeholder == Placeholder::kModel) {
        append_json_text(literal_, model_);
      } else if (is_fixed(*piece.placeholder) && !varies(*piece.placeholder)) {
        literal_ += fixed_value(*piece.placeholder);
      } else {
        later(*piece.placeholder);
      }
    }
    literal_ += '"';
  }

  void later(Placeholder placeholder) {
    result_.pieces_.push_back({std::exchange(literal_, {}), placeholder});
  }

  Pieces split(std::string_view text) {
    auto pieces = split_template(text);
    if (pieces) return *std::move(pieces);
    problem_ = pieces.error().message;
    return {};
  }

  static std::optional<Placeholder> only_placeholder(const Pieces& pieces) {
    return pieces.size() == 1 ? pieces.front().placeholder : std::nullopt;
  }

  /// Whether a value is one placeholder that the workload does not set: it is left out then.
  bool unset(dom::element element) {
    std::string_view text;
    if (element.get_string().get(text) != simdjson::SUCCESS) return false;
    const auto placeholder = only_placeholder(split(text));
    if (!placeholder) return false;
    if (*placeholder == Placeholder::kSystem) return !workload_.system || workload_.system->empty();
    return is_fixed(*placeholder) && !varies(*placeholder) && fixed_value(*placeholder).empty();
  }

  /// Whether requests of the workload differ in the value, which every one of them has.
  bool varies(Placeholder placeholder) const {
    if (placeholder != Placeholder::kOutputTokens) return false;
    return (workload_.output_tokens && (!workload_.output_tokens->fixed() || workload_.dataset)) ||
           (workload_.dataset && workload_.dataset->output_lengths);
  }

  /// As JSON; empty when the workload does not set it.
  std::string fixed_value(Placeholder placeholder) const {
    const auto number = [](const auto& value) { return value ? fmt::to_string(*value) : std::string(); };
    switch (placeholder) {
      case Placeholder::kModel: {
        std::string quoted;
        if (!model_.empty()) append_json_string(quoted, model_);
        return quoted;
      }
      case Placeholder::kOutputTokens:
        return workload_.output_tokens ? fmt::to_string(workload_.output_tokens->sample_whole(0, 1)) : "";
      case Placeholder::kTemperature:
        return number(workload_.temperature);
      case Placeholder::kTopP:
        return number(workload_.top_p);
      case Placeholder::kStream:
        return workload_.stream ? "true" : "false";
      default:
        return {};
    }
  }

  const std::string& model_;
  const Workload& workload_;
  RequestTemplate result_;
  std::string literal_;  // since the last piece
  std::string problem_;
};

Result<RequestTemplate> RequestTemplate::compile(const std::string& request, const std::string& model,
                                                 const Workload& workload) {
  return RequestTemplateCompiler(model, workload).compile(request);
}

void RequestTemplate::write(const Prompt& prompt, std::string& out) const {
  for (const Piece& piece : pieces_) {
    out.append(piece.literal);
    if (!piece.then) continue;
    switch (*piece.then) {
      case Placeholder::kPrompt:
        append_plain_prompt(prompt, out);
        break;
      case Placeholder::kUser:
        append_json_text(out, prompt.text);
        break;
      case Placeholder::kSystem:
        append_json_text(out, prompt.system);
        break;
      case Placeholder::kMessages:
        append_messages(prompt, out);
        break;
      case Placeholder::kOutputTokens:
        fmt::format_to(std::back_inserter(out), "{}", prompt.output_tokens.value_or(1));
        break;
      default:
        break;  // filled in at compile time
    }
  }
  out.append(prompt.body);
}

Result<std::string> fill_path(const std::string& path, const std::string& model) {
  constexpr std::string_view kModel = "{model}";
  std::string encoded;
  for (const char c : model) {
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            std::string_view("-._~").find(c) != std::string_view::npos;  // RFC 3986, 2.3
    if (unreserved) {
      encoded += c;
    } else {
      fmt::format_to(std::back_inserter(encoded), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  std::string filled = path;
  for (std::size_t at; (at = filled.find(kModel)) != std::string::npos;) {
    if (encoded.empty()) return Error{"the path names a model, the target has none"};
    filled.replace(at, kModel.size(), encoded);
  }
  return filled;
}

}  // namespace kneepoint
