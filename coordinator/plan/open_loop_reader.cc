#include "coordinator/plan/open_loop_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "coordinator/plan/duration.h"
#include "coordinator/plan/lengths_reader.h"
#include "coordinator/plan/ramp_reader.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;
using yaml::MappingReader;
using yaml::Node;
using yaml::PlanError;
using Kind = ArrivalProcess::Kind;

constexpr double kLowestRate = 0.001;
constexpr double kHighestRate = 100'000;
constexpr double kLeastBurstiness = 0.01;
constexpr double kMostBurstiness = 1000;
constexpr std::array<std::string_view, 4> kKeys = {"rate", "arrival", "burstiness", "max_in_flight"};

Kind read_kind(const Node& node) {
  const std::string& name = yaml::read_text(node, "'arrival'");
  if (const auto kind = arrival_kind_from_string(name)) return *kind;
  throw PlanError{node.at,
                  fmt::format("unknown arrival '{}'{}", yaml::excerpt(name),
                              yaml::suggestion(name, {to_string(Kind::kPoisson), to_string(Kind::kConstant),
                                                      to_string(Kind::kGamma), to_string(Kind::kTrace)}))};
}

/// `{from, to, by}` or `{from, to, factor}`, up or down; `to` is the last step. With `over` only `from`: the
/// rate moves, which is another reader's (linear_reader.h).
std::vector<double> read_rate_range(const Node& node) {
  const MappingReader range(node, "'rate'", {"from", "to", "by", "factor", "over"});
  range.exclusive("by", "factor");
  const double from = read_rate(range.require("from"));
  if (range.find("over") != nullptr) return {from};
  const double to = read_rate(range.require("to"));
  const Node* const by = range.find("by");
  const Node* const factor = range.find("factor");
  const double stride = by ? yaml::read_number(*by, "'by'", kLowestRate, kHighestRate) : 0;
  const double ratio = factor ? yaml::read_number(*factor, "'factor'", 1.01, 100) : 2;
  const double direction = to < from ? -1 : 1;
  std::vector<double> rates;
  for (std::size_t k = 0; rates.size() <= kMostSteps; ++k) {
    const auto steps = direction * static_cast<double>(k);
    const double rate = by ? from + steps * stride : from * std::pow(ratio, steps);
    if (direction * (to - rate) <= 1e-9 * to) break;
    rates.push_back(rate);
  }
  rates.push_back(to);
  return rates;
}

std::vector<double> read_rates(const MappingReader& ramp) {
  const Node& node = ramp.require("rate");
  if (node.kind == Node::Kind::kMapping) return read_rate_range(node);
  if (node.kind == Node::Kind::kScalar) return {read_rate(node)};
  std::vector<double> rates;
  for (const Node& item : yaml::read_list(node, "'rate'")) rates.push_back(read_rate(item));
  return rates;
}

/// When the last turn of a trace's session begins, its first one counted from: at the earliest, as if answers
/// took no time.
Nanos last_turn_of(const DatasetEntry& entry) {
  std::vector<Nanos> begins{Nanos(0)};
  Nanos last{0};
  for (std::size_t i = 0; i < entry.later.size() && i < entry.gaps.size(); ++i) {
    Nanos since{0};
    if (entry.lanes > 1) {
      for (const std::uint32_t before : entry.later[i].after) since = std::max(since, begins[before]);
    } else {
      since = begins.back();
    }
    begins.push_back(since + entry.gaps[i]);
    last = std::max(last, begins.back());
  }
  return last;
}

/// From a trace's first request to its last one, later turns of sessions included.
Nanos span_of(const Dataset& trace) {
  Nanos span{0};
  for (const DatasetEntry& entry : trace.entries) span = std::max(span, entry.arrival + last_turn_of(entry));
  return span;
}

void fit_trace(const MappingReader& ramp, const Dataset* dataset, Scenario& scenario) {
  const auto& use = scenario.workload.dataset;
  const Node& arrival = ramp.require("arrival");
  if (!use || !use->lengths_only || is_pairs_of_lengths(*dataset))
    throw PlanError{
        arrival.at,
        "'arrival: trace' needs a dataset that is a trace (mooncake, bailian, otel, azure-llm or burstgpt)"};
  if (use->order != DatasetOrder::kSequential)
    throw PlanError{arrival.at, "'arrival: trace' replays its dataset in order; remove 'order: random'"};
  const Nanos arrivals = arrival_of(dataset->entries.back(), use->time_scale);
  const Nanos span = stretched(span_of(*dataset), use->time_scale);
  const auto after_warmup = [&](Nanos until) {
    return std::chrono::floor<std::chrono::milliseconds>(until - scenario.ramp.warmup);
  };
  const Nanos left = after_warmup(span);
  if (left < 1s) {
    throw PlanError{arrival.at,
                    fmt::format("the trace lasts {}, with a warm-up of {} nothing is left to measure",
                                format_duration(std::chrono::round<std::chrono::milliseconds>(span)),
                                format_duration(scenario.ramp.warmup))};
  }
  if (const Node* const hold = ramp.find("hold"); hold != nullptr && *scenario.ramp.hold > left) {
    throw PlanError{hold->at, fmt::format("after the warm-up only {} of the trace are left; remove 'hold'",
                                          format_duration(left))};
  } else if (hold == nullptr) {
    // While sessions arrive, where they do for long enough: what comes after the last one is less load.
    const Nanos while_arriving = after_warmup(arrivals);
    scenario.ramp.hold = while_arriving >= 1s ? while_arriving : left;
  }
  scenario.ramp.open->steps.front().rate =
      static_cast<double>(dataset->entries.size()) / to_seconds(std::max<Nanos>(arrivals, 1s));
}

}  // namespace

double read_rate(const Node& node) {
  return yaml::read_number(node, "a rate", kLowestRate, kHighestRate);
}

bool is_open_loop(const MappingReader& ramp) {
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](std::string_view key) { return ramp.find(key) != nullptr; });
}

OpenLoop read_open_loop(const MappingReader& ramp) {
  for (const std::string_view key : kKeys) {
    for (const std::string_view other : {"steps", "from", "to", "factor", "by", "search", "requests"})
      ramp.exclusive(key, other);
  }
  OpenLoop open;
  ArrivalProcess process;
  if (const Node* const arrival = ramp.find("arrival")) process.kind = read_kind(*arrival);
  if (const Node* const burstiness = ramp.find("burstiness")) {
    if (process.kind != Kind::kGamma)
      throw PlanError{ramp.key_position("burstiness"), "'burstiness' shapes gaps of arrival: gamma"};
    process.burstiness = yaml::read_number(*burstiness, "'burstiness'", kLeastBurstiness, kMostBurstiness);
  } else if (process.kind == Kind::kGamma) {
    ramp.require("burstiness");
  }
  if (process.kind == Kind::kTrace) {
    if (ramp.find("rate") != nullptr) {
      throw PlanError{
          ramp.key_position("rate"),
          "a trace has its own rate; remove 'rate', and use the dataset's time_scale to change it"};
    }
    open.steps = {process};
  } else {
    for (const double rate : read_rates(ramp)) {
      process.rate = rate;
      open.steps.push_back(process);
    }
  }
  if (const Node* const most = ramp.find("max_in_flight")) {
    open.max_in_flight =
        static_cast<std::uint32_t>(yaml::read_integer(*most, "'max_in_flight'", 1, kHighestConcurrency));
  }
  return open;
}

void fit_open_loop(const Node& ramp, const Dataset* dataset, Scenario& scenario) {
  if (!scenario.ramp.open) return;
  const auto at = [&](std::string_view key) {
    const Node* const node = ramp.find(key);
    return node != nullptr ? node->at : ramp.at;
  };
  const Workload& workload = scenario.workload;
  if (workload.thinks() && !workload.conversation) {
    throw PlanError{at("rate"),
                    "an open loop's requests are no user's, so nobody has a think_time; use steps, or a "
                    "conversation, whose turns an arrival brings"};
  }
  if (scenario.ramp.open->steps.front().kind != Kind::kTrace) return;
  const MappingReader reader(ramp, "ramp", {"arrival", "max_in_flight", "warmup", "hold"});
  fit_trace(reader, dataset, scenario);
}

}  // namespace kneepoint::coordinator
