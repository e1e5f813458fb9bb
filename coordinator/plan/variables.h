#pragma once

#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/result.h"
#include "coordinator/plan/yaml_tree.h"

namespace kneepoint::coordinator {

/// Where the values of a plan's `${name}` come from. `--set name=VALUE` wins, then the environment variable
/// `KNEEPOINT_NAME` (upper case, '-' as '_'), then the default in the plan, `${name:-default}`.
struct Variables {
  std::map<std::string, std::string> set;
  /// Reads the environment; replaced in tests. Returns nullptr for what is not set.
  std::function<const char*(const char*)> environment = [](const char* name) { return std::getenv(name); };
};

/// Reads the values of `--set`, each `NAME=VALUE`. Fails on anything else and on a name given twice.
Result<Variables> variables_from_flags(const std::vector<std::string>& flags);

/// Replaces `${name}` and `${name:-default}` in the scalar values of a tree; keys are left alone, and `$${`
/// stands for a plain `${`.
class Substitution {
 public:
  explicit Substitution(const Variables& variables) : variables_(variables) {}

  /// Throws yaml::PlanError for a variable without a value, or a `${` that is no variable.
  void apply(yaml::Node& node);

  /// The names met in all trees so far, with the values they got.
  const std::map<std::string, std::string>& used() const { return used_; }

  /// `text`, a plan's file, with the variables of `used()` replaced where they stand, comments included.
  std::string apply_to_source(const std::string& text) const;

 private:
  std::string replace(const std::string& text, yaml::Position at);
  std::string value_of(const std::string& name, const std::string* fallback, yaml::Position at);

  const Variables& variables_;
  std::map<std::string, std::string> used_;
};

}  // namespace kneepoint::coordinator
