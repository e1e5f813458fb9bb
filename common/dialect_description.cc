#include "common/dialect_description.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace kneepoint {
namespace {

constexpr std::size_t kMostPointers = 16;  // for one part
constexpr std::size_t kMostLevels = 16;    // of one pointer

/// What may stand in a request line after the base URL, "{model}" aside.
bool is_path(std::string_view path) {
  return path.starts_with('/') && std::all_of(path.begin(), path.end(), [](unsigned char c) {
           return c > 0x20 && c < 0x7f && c != '#' && c != '"' && c != '\\';
         });
}

Result<void> check_path(std::string_view key, std::string_view path) {
  if (!is_path(path))
    return Error{fmt::format("'{}' must start with '/' and hold no spaces, quotes or '#'", key)};
  auto pieces = split_template(path);
  if (!pieces) return pieces.error();
  for (const TemplatePiece& piece : *pieces) {
    if (piece.placeholder && *piece.placeholder != Placeholder::kModel)
      return Error{fmt::format("'{}' may hold {{model}} and no other placeholder", key)};
  }
  return {};
}

/// Of a place that counts only with a value elsewhere all pointers say with which.
Result<void> check_guards(std::string_view section, const AnswerPointers& pointers) {
  std::set<std::string> guarded, plain;
  for (const auto* list : {&pointers.text, &pointers.reasoning, &pointers.tool_call}) {
    for (const std::string& text : *list) {
      const GuardedPointer split = split_when(text);
      (split.when ? guarded : plain).insert(std::string(split.pointer));
    }
  }
  for (const std::string& place : guarded) {
    if (plain.contains(place))
      return Error{
          fmt::format("'{}': '{}' stands with 'when' and without; write 'when' for each", section, place)};
  }
  if (guarded.size() > kMostGuardedPlaces)
    return Error{fmt::format("'{}' has more than {} places with 'when'", section, kMostGuardedPlaces)};
  return {};
}

Result<void> check_pointers(std::string_view section, const AnswerPointers& pointers) {
  const std::pair<std::string_view, const std::vector<std::string>*> parts[] = {
      {"text", &pointers.text},
      {"reasoning", &pointers.reasoning},
      {"tool_call", &pointers.tool_call},
      {"finish", &pointers.finish},
      {"error", &pointers.error},
      {"completion_tokens", &pointers.completion_tokens},
      {"prompt_tokens", &pointers.prompt_tokens},
      {"cached_tokens", &pointers.cached_tokens},
      {"reasoning_tokens", &pointers.reasoning_tokens}};
  for (const auto& [key, list] : parts) {
    if (list->size() > kMostPointers)
      return Error{fmt::format("'{}.{}' has more than {} pointers", section, key, kMostPointers)};
    const bool conditional = list == &pointers.finish || list == &pointers.error;
    const bool guarded = list == &pointers.text || list == &pointers.reasoning || list == &pointers.tool_call;
    const bool sums = list == &pointers.prompt_tokens;
    if (sums && !list->empty() && std::all_of(list->begin(), list->end(), [](const std::string& text) {
          return split_plus(text).added;
        }))
      return Error{
          fmt::format("'{}.{}': all pointers begin with '+'; one says what is added to", section, key)};
    for (const std::string& text : *list) {
      const GuardedPointer split = split_when(sums ? split_plus(text).pointer : text);
      if (split.when && !guarded)
        return Error{fmt::format("'{}.{}' takes no 'when'; text, reasoning and tool_call do", section, key)};
      if (split.when &&
          (!split.when->value || split.when->value->empty() || !parse_pointer(split.when->pointer)))
        return Error{fmt::format("'{}.{}': write POINTER when POINTER=VALUE, such as /delta when /type=text",
                                 section, key)};
      const PointerCondition condition =
          conditional ? split_condition(text) : PointerCondition{split.pointer, {}};
      if (auto tokens = parse_pointer(condition.pointer); !tokens)
        return Error{fmt::format("'{}.{}': {}", section, key, tokens.error().message)};
      if (condition.value && condition.value->empty())
        return Error{fmt::format("'{}.{}': nothing stands behind the '=' of '{}'", section, key, text)};
    }
  }
  if (auto guards = check_guards(section, pointers); !guards) return guards;
  if (pointers.text.empty() && pointers.reasoning.empty() && pointers.tool_call.empty())
    return Error{fmt::format("'{}' has no 'text'; without it no token can be seen", section)};
  return {};
}

}  // namespace

bool DialectDescription::names_model() const {
  const auto mentions = [](const std::string& text) { return text.find("{model}") != std::string::npos; };
  return mentions(path) || mentions(answer_path) || mentions(request);
}

Result<std::vector<TemplatePiece>> split_template(std::string_view text) {
  std::vector<TemplatePiece> pieces;
  std::string literal;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    literal += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    const std::size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", 1);
    if (end == 1 || end == text.npos || text[end] != '}') {
      literal += '{';
      text.remove_prefix(1);
      continue;
    }
    const std::string_view name = text.substr(1, end - 1);
    const auto known = std::find(kPlaceholderNames.begin(), kPlaceholderNames.end(), name);
    if (known == kPlaceholderNames.end()) {
      return Error{fmt::format("unknown placeholder '{{{}}}'; there are {}", name,
                               fmt::join(kPlaceholderNames.begin(), kPlaceholderNames.end(), ", "))};
    }
    if (!literal.empty()) pieces.push_back({std::exchange(literal, {}), std::nullopt});
    pieces.push_back({{}, static_cast<Placeholder>(known - kPlaceholderNames.begin())});
    text.remove_prefix(end + 1);
  }
  if (!literal.empty()) pieces.push_back({std::move(literal), std::nullopt});
  return pieces;
}

PointerCondition split_condition(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos) return {text, std::nullopt};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

GuardedPointer split_when(std::string_view text) {
  constexpr std::string_view kWhen = " when ";
  const std::size_t at = text.find(kWhen);
  if (at == text.npos) return {text, std::nullopt};
  return {text.substr(0, at), split_condition(text.substr(at + kWhen.size()))};
}

CountPointer split_plus(std::string_view text) {
  if (!text.starts_with('+')) return {text, false};
  return {text.substr(1), true};
}

Result<std::vector<std::string>> parse_pointer(std::string_view pointer) {
  if (!pointer.starts_with('/'))
    return Error{fmt::format("'{}' is no JSON pointer; write /member/0/member", pointer.substr(0, 80))};
  std::vector<std::string> tokens;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back() += pointer[i];
    } else if (++i < pointer.size() && (pointer[i] == '0' || pointer[i] == '1')) {
      tokens.back() += pointer[i] == '0' ? '~' : '/';
    } else {
      return Error{fmt::format("in '{}' a '~' is neither ~0 nor ~1", pointer.substr(0, 80))};
    }
  }
  if (tokens.size() > kMostLevels)
    return Error{fmt::format("a pointer has more than {} levels", kMostLevels)};
  return tokens;
}

Result<void> check(const DialectDescription& description) {
  if (auto path = check_path("path", description.path); !path) return path;
  if (auto path = check_path("answer.path", description.answer_path); !path) return path;
  if (description.request.empty()) return Error{"'request' is empty"};
  if (description.done.find_first_of("\r\n") != std::string::npos) return Error{"'done' is not one line"};
  if (auto stream = check_pointers("stream", description.stream); !stream) return stream;
  return check_pointers("answer", description.answer);
}

}  // namespace kneepoint
