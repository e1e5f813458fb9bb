#include "coordinator/plan/linear_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/whole_seconds.h"
#include "coordinator/plan/duration.h"
#include "coordinator/plan/open_loop_reader.h"
#include "coordinator/plan/ramp_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;

constexpr Nanos kShortestOver = 5s;
constexpr Nanos kLongestOver = 24h;
constexpr Nanos kShortestDefaultRow = 5s;
constexpr int kUsualRows = 20;

/// The mapping that says where the load goes; absent where the ramp has steps.
std::optional<MappingReader> course_of(const MappingReader& ramp) {
  const Node* const rate = ramp.find("rate");
  if (rate == nullptr) return ramp.find("over") ? std::optional(ramp) : std::nullopt;
  if (ramp.find("over") != nullptr) {
    throw PlanError{ramp.key_position("over"),
                    "of a rate 'over' stands beside its 'from' and 'to': rate: {from: 1, to: 50, over: 10m}"};
  }
  if (rate->kind != Node::Kind::kMapping || rate->find("over") == nullptr) return std::nullopt;
  return MappingReader(*rate, "'rate'", {"from", "to", "by", "factor", "over"});
}

LinearRamp read_course(const MappingReader& course, bool rate) {
  for (const std::string_view other : {"by", "factor"}) course.exclusive("over", other);
  const auto load = [&](std::string_view key) {
    const Node& node = course.require(key);
    return rate ? read_rate(node) : read_concurrency(node, fmt::format("'{}'", key));
  };
  LinearRamp linear{.from = load("from"), .to = load("to")};
  if (linear.from == linear.to) {
    throw PlanError{course.require("to").at,
                    fmt::format("'to' is the same as 'from': nothing moves; write {}: [{:g}]",
                                rate ? "rate" : "steps", linear.to)};
  }
  linear.over =
      ceil_second(yaml::read_duration(course.require("over"), "'over'", kShortestOver, kLongestOver));
  return linear;
}

/// How long a row must be at least: those of a closed loop each have another number of requests in flight.
Nanos shortest_row(const LinearRamp& linear, bool rate) {
  const double most = static_cast<double>(kMostSteps);
  const double rows = rate ? most : std::min(most, std::abs(linear.to - linear.from));
  return ceil_second(from_seconds(to_seconds(linear.over) / rows));
}

/// The last row takes what is left.
std::vector<double> means_of_rows(const LinearRamp& linear, Nanos hold) {
  std::vector<double> means;
  for (Nanos begin{0}; begin + hold <= linear.over; begin += hold) {
    const bool last = begin + 2 * hold > linear.over;
    means.push_back(linear.mean(begin, last ? linear.over : begin + hold));
  }
  return means;
}

}  // namespace

void read_linear(const MappingReader& ramp, Ramp& into) {
  const auto course = course_of(ramp);
  if (!course) return;
  const bool rate = into.open.has_value();
  for (const std::string_view other : {"requests", "descend", "proof"}) {
    if (ramp.find(other) == nullptr) continue;
    throw PlanError{
        ramp.key_position(other),
        fmt::format("'{}' needs steps, and a ramp with 'over' has none; give 'by' or 'factor' instead "
                    "of 'over'",
                    other)};
  }
  into.linear = read_course(*course, rate);
  const LinearRamp& linear = *into.linear;
  const Nanos shortest = shortest_row(linear, rate);
  if (const Node* const hold = ramp.find("hold"); hold == nullptr) {
    into.hold = std::min(linear.over,
                         std::max({kShortestDefaultRow, ceil_second(linear.over / kUsualRows), shortest}));
  } else {
    into.hold = ceil_second(*into.hold);
    if (*into.hold < shortest || *into.hold > linear.over) {
      throw PlanError{hold->at,
                      fmt::format("of a ramp with 'over' 'hold' is the length of a row, here {} to {}",
                                  format_duration(shortest), format_duration(linear.over))};
    }
  }
  const std::vector<double> rows = means_of_rows(linear, *into.hold);
  if (!rate) {
    // They are at least one apart; a half that is not quite one must not make two rows alike.
    for (const double mean : rows) into.steps.push_back(static_cast<std::uint32_t>(std::lround(mean + 1e-6)));
    return;
  }
  ArrivalProcess process = into.open->steps.front();
  into.open->steps.clear();
  for (const double mean : rows) {
    process.rate = mean;
    into.open->steps.push_back(process);
  }
}

}  // namespace kneepoint::coordinator
