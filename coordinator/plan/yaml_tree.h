#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kneepoint::coordinator::yaml {

/// A place in the file. Both count from 1; the column counts characters, as editors do, not bytes.
struct Position {
  int line = 1;
  int column = 1;
};

/// Why a plan cannot be loaded. Thrown only between the readers of this folder and `parse_plan`, which turns
/// it into an `Error`: a reader of nested data has one thing to do with a mistake, to stop.
struct PlanError {
  Position at;
  std::string what;  ///< One line: what is wrong, and what to write instead.
};

struct Member;

/// A YAML value with its place in the file, kept so that every later complaint can point to it. Aliases are
/// expanded and merge keys (`<<`) applied.
struct Node {
  enum class Kind { kNull, kScalar, kSequence, kMapping };
  Kind kind = Kind::kNull;
  Position at;
  std::string text;         ///< A scalar's text, UTF-8.
  bool is_text = false;     ///< The scalar was quoted or tagged `!!str`: never a number, a boolean or null.
  std::vector<Node> items;  ///< A sequence's.
  std::vector<Member> members;  ///< A mapping's, in the order of the file, without duplicates.

  /// The value of a mapping's key; nullptr where there is none, or this is no mapping.
  const Node* find(std::string_view key) const;
};

/// One `key: value`.
struct Member {
  std::string key;
  Position at;  ///< Of the key.
  Node value;
};

/// True when both say the same, wherever they stand.
bool same_content(const Node& a, const Node& b);

/// Parses one YAML document of at most 1 MiB, safely for any bytes: size, depth and the expansion of aliases
/// are limited. Throws PlanError.
Node parse(const std::string& text);

/// "; it holds a full-width '：': write ':' and a space" where that is so, else "". Input methods for Chinese
/// and Japanese write punctuation that YAML takes for letters.
std::string full_width_hint(std::string_view text);

}  // namespace kneepoint::coordinator::yaml
