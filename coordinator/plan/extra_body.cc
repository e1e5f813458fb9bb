#include "coordinator/plan/extra_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
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

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// What YAML (1.2.2, 10.3.2) reads as a boolean or null, as JSON writes it; empty for everything else.
std::string_view yaml_word(std::string_view text) {
  if (is_any_of(text, {"true", "True", "TRUE"})) return "true";
  if (is_any_of(text, {"false", "False", "FALSE"})) return "false";
  if (is_any_of(text, {"null", "Null", "NULL", "~"})) return "null";
  return {};
}

/// What to write for a word that is a boolean or null to some readers and a text to others: YAML 1.1 has yes,
/// no, on, off, y and n, Python has None, and the rest is misspelt. Empty for every other text.
std::string_view unclear_word(std::string_view text) {
  if (text == "None") return "null";
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  if (is_any_of(lower, {"yes", "on", "y", "true"})) return "true";
  if (is_any_of(lower, {"no", "off", "n", "false"})) return "false";
  return lower == "null" ? "null" : std::string_view();
}

/// YAML 1.1's numbers to the base of sixty: 190:20:30.
bool is_sexagesimal(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || skip_digits(text, 0) != colon) return false;
  while (!text.empty()) {
    const std::size_t digits = skip_digits(text, 0);
    if (digits == 0 || (digits < text.size() && text[digits] != ':')) return false;
    text.remove_prefix(std::min(digits + 1, text.size()));
  }
  return true;
}

/// What YAML 1.1 or 1.2 reads as a number and JSON does not: signs, leading zeros, bare dots, underscores,
/// other bases, infinity.
bool is_other_yaml_number(std::string_view text) {
  std::string digits;
  if (text.find('_') != text.npos && !text.starts_with('_')) {
    for (const char c : text) {
      if (c != '_') digits += c;
    }
    if (is_json_number(digits)) return true;
    text = digits;
  }
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  for (const std::string_view special : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}) {
    if (text == special) return true;
  }
  if (is_sexagesimal(text)) return true;
  if (text.starts_with("0b")) return text.size() > 2 && text.find_first_not_of("01", 2) == text.npos;
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
  if (const std::string_view word = yaml_word(text); !word.empty()) {
    json += word;
  } else if (is_json_number(text)) {
    json += text;
  } else if (const std::string_view meant = unclear_word(text); !meant.empty()) {
    throw yaml::PlanError{node.at,
                          fmt::format("'{0}' is '{1}' to some and a text to others; write {1}, or \"{0}\" "
                                      "in quotes where a text is meant",
                                      text, meant)};
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
