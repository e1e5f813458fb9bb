#include "coordinator/plan/variables.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

namespace kneepoint::coordinator {
namespace {

bool is_name(std::string_view text) {
  const auto is_letter = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_'; };
  const auto is_more = [&](char c) { return is_letter(c) || c == '-' || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 64 && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), is_more);
}

std::string environment_name(std::string_view name) {
  std::string result = "KNEEPOINT_";
  for (const char c : name) {
    result += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return result;
}

/// A `${…}` in a text.
struct Reference {
  std::size_t begin = 0;  ///< Of the '$'.
  std::size_t end = 0;    ///< After the '}', or npos where there is none.
  bool escaped = false;   ///< `$${`: stands for itself.
  std::string name;
  std::optional<std::string> fallback;
};

std::optional<Reference> next_reference(std::string_view text, std::size_t from) {
  const std::size_t begin = text.find("${", from);
  if (begin == text.npos) return std::nullopt;
  if (begin > from && text[begin - 1] == '$') {
    return Reference{.begin = begin - 1, .end = begin + 2, .escaped = true, .name = {}, .fallback = {}};
  }
  const std::size_t close = text.find('}', begin);
  Reference found{.begin = begin, .end = close == text.npos ? close : close + 1, .name = {}, .fallback = {}};
  if (close == text.npos) return found;
  const std::string_view inside = text.substr(begin + 2, close - begin - 2);
  const std::size_t dash = inside.find(":-");
  found.name = inside.substr(0, dash);
  if (dash != inside.npos) found.fallback = inside.substr(dash + 2);
  return found;
}

}  // namespace

Result<Variables> variables_from_flags(const std::vector<std::string>& flags) {
  Variables variables;
  for (const std::string& flag : flags) {
    const std::size_t equals = flag.find('=');
    const std::string name = flag.substr(0, equals);
    if (equals == flag.npos || !is_name(name)) {
      return Error{
          fmt::format("--set takes NAME=VALUE, such as --set url=http://10.0.0.5:8000, not '{}'", flag)};
    }
    if (!variables.set.emplace(name, flag.substr(equals + 1)).second) {
      return Error{fmt::format("--set gives '{}' twice; give it once", name)};
    }
  }
  return variables;
}

void Substitution::apply(yaml::Node& node) {
  if (node.kind == yaml::Node::Kind::kScalar) node.text = replace(node.text, node.at);
  for (yaml::Node& item : node.items) apply(item);
  for (yaml::Member& member : node.members) apply(member.value);
}

std::string Substitution::replace(const std::string& text, yaml::Position at) {
  std::string result;
  std::size_t done = 0;
  while (const auto reference = next_reference(text, done)) {
    result.append(text, done, reference->begin - done);
    done = reference->end;
    if (reference->escaped) {
      result += "${";
    } else if (!is_name(reference->name)) {
      throw yaml::PlanError{
          at, "'${' starts a variable, ${name} or ${name:-default}; for the text itself write $${"};
    } else {
      result += value_of(reference->name, reference->fallback ? &*reference->fallback : nullptr, at);
    }
  }
  return result.append(text, done, text.npos);
}

std::string Substitution::value_of(const std::string& name, const std::string* fallback, yaml::Position at) {
  const std::string in_environment = environment_name(name);
  const auto flag = variables_.set.find(name);
  const char* const exported =
      variables_.environment ? variables_.environment(in_environment.c_str()) : nullptr;
  std::string value;
  if (flag != variables_.set.end()) {
    value = flag->second;
  } else if (exported != nullptr) {
    value = exported;
  } else if (fallback != nullptr) {
    value = *fallback;
  } else {
    throw yaml::PlanError{at, fmt::format("variable '{}' has no value; give --set {}=VALUE or export {}",
                                          name, name, in_environment)};
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(value.begin(), value.end(), is_control) || !simdjson::validate_utf8(value)) {
    throw yaml::PlanError{at, fmt::format("the value of variable '{}' must be one line of UTF-8 text", name)};
  }
  used_[name] = value;
  return value;
}

std::string Substitution::apply_to_source(const std::string& text) const {
  std::string result;
  std::size_t done = 0;
  while (const auto reference = next_reference(text, done)) {
    const auto known = used_.find(reference->name);
    const bool replaced = known != used_.end() && !reference->escaped;
    // What is not replaced is kept, and the search goes on just behind its "${".
    const std::size_t end = replaced ? reference->end : text.find("${", reference->begin) + 2;
    result.append(text, done, reference->begin - done);
    result.append(replaced ? known->second : text.substr(reference->begin, end - reference->begin));
    done = end;
  }
  return result.append(text, done, text.npos);
}

}  // namespace kneepoint::coordinator
