#include "coordinator/plan/distribution_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <string_view>
#include <vector>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

struct Shape {
  std::string_view name;
  Distribution::Kind kind;
  std::vector<std::string_view> needs;
  std::vector<std::string_view> may_have;
};

const std::array<Shape, 4>& shapes() {
  static const std::array<Shape, 4> kShapes = {{
      {"uniform", Distribution::Kind::kUniform, {"min", "max"}, {}},
      {"normal", Distribution::Kind::kNormal, {"mean", "stddev"}, {"min", "max"}},
      {"lognormal", Distribution::Kind::kLogNormal, {"mean", "stddev"}, {"min", "max"}},
      {"empirical", Distribution::Kind::kEmpirical, {"values"}, {"weights"}},
  }};
  return kShapes;
}

/// One value of the quantity.
struct Quantity {
  std::function<double(const Node&, const std::string& what)> read;
  std::function<double(const Node&, const std::string& what)> read_spread;  ///< May be 0.
  double min = 0, max = 0;
};

const Shape& read_shape(const MappingReader& reader) {
  const Node& node = reader.require("distribution");
  const std::string& name = yaml::read_text(node, "'distribution'");
  std::vector<std::string_view> known;
  for (const Shape& shape : shapes()) {
    if (shape.name == name) return shape;
    known.push_back(shape.name);
  }
  throw PlanError{node.at, fmt::format("unknown distribution '{}'{}", yaml::excerpt(name),
                                       yaml::suggestion(name, known))};
}

void check_keys(const Node& node, const std::string& what, const Shape& shape) {
  const auto in = [](const std::vector<std::string_view>& keys, std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  for (const yaml::Member& member : node.members) {
    if (member.key == "distribution" || in(shape.needs, member.key) || in(shape.may_have, member.key))
      continue;
    throw PlanError{member.at, fmt::format("a distribution that is {} has no '{}'; it has {}", shape.name,
                                           member.key, fmt::join(shape.needs, " and "))};
  }
  for (const std::string_view key : shape.needs) {
    if (node.find(key) == nullptr) throw PlanError{node.at, fmt::format("{} has no '{}'; add it", what, key)};
  }
}

void read_values(const MappingReader& reader, const Quantity& quantity, Distribution& to) {
  constexpr std::size_t kMostValues = 10'000;
  for (const Node& item : yaml::read_list(reader.require("values"), "'values'"))
    to.values.push_back(quantity.read(item, "a value"));
  if (to.values.size() > kMostValues)
    throw PlanError{reader.key_position("values"), fmt::format("more than {} values", kMostValues)};
  const Node* const weights = reader.find("weights");
  if (weights == nullptr) return;
  for (const Node& item : yaml::read_list(*weights, "'weights'"))
    to.weights.push_back(yaml::read_number(item, "a weight", 0, 1e9));
  if (to.weights.size() != to.values.size()) {
    throw PlanError{weights->at, fmt::format("there are {} weights for {} values; give one for each",
                                             to.weights.size(), to.values.size())};
  }
  if (std::accumulate(to.weights.begin(), to.weights.end(), 0.0) <= 0)
    throw PlanError{weights->at, "all weights are 0; at least one must be above"};
}

Distribution read(const Node& node, const std::string& what, const Quantity& quantity) {
  if (node.kind != Node::Kind::kMapping) return Distribution(quantity.read(node, what));
  const MappingReader reader(node, what,
                             {"distribution", "mean", "stddev", "min", "max", "values", "weights"});
  const Shape& shape = read_shape(reader);
  check_keys(node, what, shape);
  Distribution to;
  to.kind = shape.kind;
  if (shape.kind == Distribution::Kind::kEmpirical) {
    read_values(reader, quantity, to);
    return to;
  }
  const auto or_else = [&](std::string_view key, double otherwise) {
    const Node* const value = reader.find(key);
    return value == nullptr ? otherwise : quantity.read(*value, fmt::format("'{}'", key));
  };
  to.mean = or_else("mean", 0);
  if (const Node* const spread = reader.find("stddev")) to.stddev = quantity.read_spread(*spread, "'stddev'");
  to.min = or_else("min", quantity.min);
  to.max = or_else("max", quantity.max);
  if (to.max < to.min) throw PlanError{reader.key_position("max"), "'max' is below 'min'; swap them"};
  if (shape.kind == Distribution::Kind::kLogNormal && to.mean <= 0)
    throw PlanError{reader.key_position("mean"), "the 'mean' of a lognormal distribution must be above 0"};
  return to;
}

}  // namespace

Distribution read_varying_count(const Node& node, const std::string& what, std::uint64_t min,
                                std::uint64_t max) {
  const auto value = [=](const Node& n, const std::string& of) {
    return static_cast<double>(yaml::read_integer(n, of, min, max));
  };
  const auto spread = [=](const Node& n, const std::string& of) {
    return yaml::read_number(n, of, 0, static_cast<double>(max));
  };
  return read(node, what,
              {.read = value,
               .read_spread = spread,
               .min = static_cast<double>(min),
               .max = static_cast<double>(max)});
}

Distribution read_varying_duration(const Node& node, const std::string& what, Nanos max) {
  const auto value = [=](const Node& n, const std::string& of) {
    return to_seconds(yaml::read_duration(n, of, 0s, max));
  };
  return read(node, what, {.read = value, .read_spread = value, .min = 0, .max = to_seconds(max)});
}

}  // namespace kneepoint::coordinator
