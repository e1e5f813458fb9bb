#include "coordinator/plan/extra_body.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::Node;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t skip_digits(std::string_view text, std::size_t from) {
  while (from < text.size() && is_digit(text[from])) ++from;
  return from;
}

/// RFC 8259, section 6.
bool is_json_number(std::string_view text) {
  std::size_t i = text.starts_with('-') ? 1 : 0;
  const std::size_t integer = i;
  i = skip_digits(text, i);
  if (i == integer || (text[integer] == '0' && i > integer + 1)) return false;
  if (i < text.size() && text[i] == '.') {
    const std::size_t fraction = ++i;
    i = skip_digits(text, i);
    if (i == fraction) return false;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    const std::size_t exponent = i;
    i = skip_digits(text, i);
    if (i == exponent) return false;
  }
  return i == text.size();
}

/// What YAML 1.1 or 1.2 reads as a number and JSON does not: signs, leading zeros, bare dots, other bases,
/// infinity.
bool is_other_yaml_number(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  for (const std::string_view special : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}) {
    if (text == special) return true;
  }
  const bool based = text.starts_with("0x") || text.starts_with("0o");
  if (based) return text.size() > 2 && text.find_first_not_of("0123456789abcdefABCDEF", 2) == text.npos;
  const bool starts_like_one = !text.empty() && (is_digit(text[0]) || (text[0] == '.' && text.size() > 1));
  std::size_t i = skip_digits(text, 0);
  if (i < text.size() && text[i] == '.') i = skip_digits(text, i + 1);
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (i == text.size()) return false;
    i = skip_digits(text, i);
  }
  return starts_like_one && i == text.size();
}

void append_string(std::string& json, std::string_view text) {
  json += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          json += c;
        }
    }
  }
  json += '"';
}

void append_scalar(std::string& json, const Node& node) {
  const std::string& text = node.text;
  if (node.is_text) return append_string(json, text);
  const bool word = text == "true" || text == "false" || text == "null";
  if (word || is_json_number(text)) {
    json += text;
  } else if (text == "~") {
    json += "null";
  } else if (is_other_yaml_number(text)) {
    throw yaml::PlanError{node.at,
                          fmt::format("'{}' is no JSON number; write it as JSON does, or quote it as a text",
                                      yaml::excerpt(text))};
  } else {
    append_string(json, text);
  }
}

void append(std::string& json, const Node& node) {
  const char* separator = "";
  switch (node.kind) {
    case Node::Kind::kNull:
      json += "null";
      break;
    case Node::Kind::kScalar:
      append_scalar(json, node);
      break;
    case Node::Kind::kSequence:
      json += '[';
      for (const Node& item : node.items) {
        json += std::exchange(separator, ",");
        append(json, item);
      }
      json += ']';
      break;
    case Node::Kind::kMapping:
      json += '{';
      for (const yaml::Member& member : node.members) {
        json += std::exchange(separator, ",");
        append_string(json, member.key);
        json += ':';
        append(json, member.value);
      }
      json += '}';
      break;
  }
}

}  // namespace

std::string extra_body_json(const Node& mapping) {
  if (mapping.kind != Node::Kind::kMapping) {
    throw yaml::PlanError{mapping.at,
                          fmt::format("'extra_body' must be a mapping, not {}", yaml::kind_name(mapping))};
  }
  return json_of(mapping);
}

std::string json_of(const Node& value) {
  std::string json;
  append(json, value);
  return json;
}

}  // namespace kneepoint::coordinator
