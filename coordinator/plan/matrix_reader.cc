#include "coordinator/plan/matrix_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "coordinator/plan/yaml_reader.h"

namespace kneepoint::coordinator {
namespace {

using yaml::Member;
using yaml::Node;
using yaml::PlanError;

/// More points than steps would not be run anyway.
constexpr std::size_t kMostPoints = 64;

/// Where a parameter stands: in the workload itself, or in a part of it.
struct Parameter {
  std::string_view key, part;
};
constexpr std::array<Parameter, 9> kParameters = {{{"input_tokens", "synthetic"},
                                                   {"shared_prefix_tokens", "synthetic"},
                                                   {"prefix_groups", "synthetic"},
                                                   {"turns", "conversation"},
                                                   {"think_time", "conversation"},
                                                   {"output_tokens", ""},
                                                   {"lengths", ""},
                                                   {"temperature", ""},
                                                   {"stream", ""}}};

const Parameter& parameter_of(const Member& axis) {
  std::vector<std::string_view> known;
  for (const Parameter& parameter : kParameters) {
    if (parameter.key == axis.key) return parameter;
    known.push_back(parameter.key);
  }
  throw PlanError{axis.at, fmt::format("'{}' is no parameter of a workload that a matrix can vary{}",
                                       yaml::excerpt(axis.key), yaml::suggestion(axis.key, known))};
}

Member* member_of(Node& mapping, std::string_view key) {
  const auto at = std::find_if(mapping.members.begin(), mapping.members.end(),
                               [&](const Member& m) { return m.key == key; });
  return at == mapping.members.end() ? nullptr : &*at;
}

/// The mapping under `key`, made where there is none.
Node& part_of(Node& mapping, std::string_view key, yaml::Position at) {
  if (Member* const there = member_of(mapping, key)) return there->value;
  Member made{.key = std::string(key), .at = at, .value = {}};
  made.value.kind = Node::Kind::kMapping;
  made.value.at = at;
  mapping.members.push_back(std::move(made));
  return mapping.members.back().value;
}

void set(Node& scenario, const Member& axis, const Node& value) {
  const Parameter& parameter = parameter_of(axis);
  Member* const workload = member_of(scenario, "workload");
  if (workload == nullptr || workload->value.kind != Node::Kind::kMapping) return;  // complained about later
  Node& into = parameter.part.empty() ? workload->value : part_of(workload->value, parameter.part, axis.at);
  if (into.kind != Node::Kind::kMapping) return;
  if (member_of(into, parameter.key) != nullptr) {
    throw PlanError{axis.at,
                    fmt::format("'{}' is given by the workload, too; remove it there", parameter.key)};
  }
  into.members.push_back({.key = axis.key, .at = axis.at, .value = value});
}

}  // namespace

std::vector<MatrixPoint> matrix_points(const Node& scenario) {
  const Node* const matrix = scenario.find("matrix");
  if (matrix == nullptr) return {{scenario, ""}};
  if (matrix->kind != Node::Kind::kMapping || matrix->members.empty()) {
    throw PlanError{matrix->at,
                    "'matrix' needs parameters with values, such as {input_tokens: [1024, 8192]}"};
  }
  Node rest = scenario;
  std::erase_if(rest.members, [](const Member& m) { return m.key == "matrix"; });
  std::vector<MatrixPoint> points = {{std::move(rest), ""}};
  for (const Member& axis : matrix->members) {
    std::vector<MatrixPoint> next;
    for (const MatrixPoint& point : points) {
      for (const Node& value : yaml::read_list(axis.value, fmt::format("'{}'", axis.key))) {
        if (value.kind != Node::Kind::kScalar) {
          throw PlanError{value.at, fmt::format("a value of a matrix must be a single one, not {}",
                                                yaml::kind_name(value))};
        }
        if (next.size() == kMostPoints)
          throw PlanError{axis.at, fmt::format("the matrix has more than {} points", kMostPoints)};
        next.push_back(point);
        set(next.back().scenario, axis, value);
        next.back().suffix += fmt::format("{}{}={}", point.suffix.empty() ? "" : ",", axis.key, value.text);
      }
    }
    points = std::move(next);
  }
  for (MatrixPoint& point : points) point.suffix = fmt::format("[{}]", point.suffix);
  return points;
}

}  // namespace kneepoint::coordinator
