#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "coordinator/plan/yaml_tree.h"

/// Typed reading of a YAML tree. Every function throws PlanError with the place of what is wrong; `what`
/// names the value in the complaint, e.g. "'steps'".
namespace kneepoint::coordinator::yaml {

/// "; did you mean 'ramp'?", what to write for a key of another tool, or a list of the candidates.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

/// "a mapping", "a list", "a single value", "nothing".
std::string_view kind_name(const Node& node);

/// A mapping all of whose keys are known.
class MappingReader {
 public:
  /// Fails when `node` is no mapping or has a key that is not in `keys`. @param what e.g. "scenario 'chat'".
  /// `node` must outlive the reader.
  MappingReader(const Node& node, std::string what, std::initializer_list<std::string_view> keys);

  const Node* find(std::string_view key) const { return node_.find(key); }
  /// Fails, pointing to the mapping, when the key is missing.
  const Node& require(std::string_view key) const;
  /// Fails, pointing to the later one, when both keys are given.
  void exclusive(std::string_view a, std::string_view b) const;
  Position key_position(std::string_view key) const;

  const std::string& what() const { return what_; }
  const Node& node() const { return node_; }

 private:
  const Node& node_;
  std::string what_;
};

/// A list with at least one item.
const std::vector<Node>& read_list(const Node& node, std::string_view what);

/// A scalar's text, not empty.
const std::string& read_text(const Node& node, std::string_view what);

/// A name of ours (name_fault).
std::string read_name(const Node& node, std::string_view what);

std::uint64_t read_integer(const Node& node, std::string_view what, std::uint64_t min, std::uint64_t max);
double read_number(const Node& node, std::string_view what, double min, double max);
bool read_bool(const Node& node, std::string_view what);

/// One of `words`. @param key whose value it is, without quotes.
const std::string& read_choice(const Node& node, std::string_view key,
                               const std::vector<std::string_view>& words);

/// A duration from `min` to `max`.
Nanos read_duration(const Node& node, std::string_view what, Nanos min, Nanos max);

/// The text as it may stand in a one-line complaint: shortened, line breaks shown as spaces.
std::string excerpt(std::string_view text);

}  // namespace kneepoint::coordinator::yaml
