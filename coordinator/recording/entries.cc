#include "coordinator/recording/entries.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/texts_id.h"
#include "common/wire.h"
#include "common/wire_check.h"
#include "coordinator/plan/threshold.h"
#include "kneepoint/v1/recording.pb.h"

namespace kneepoint::coordinator {
namespace {

using wire::duration;
using wire::refuse;

constexpr std::uint32_t kFormat = 1;

/// The plan as far as its cells tell.
Result<Plan> plan_of(const v1::RecordedRun& message, Assignment assignment) {
  const std::vector<Cell>& cells = assignment.cells;
  Plan plan{.name = message.plan_name(),
            .targets = std::move(assignment.targets),
            .seed = assignment.seed,
            .text_seed = assignment.text_seed,
            .records = assignment.records,
            .alternate = message.alternate(),
            .source_text = message.plan_text()};
  for (const std::string& name : message.scenarios()) plan.scenarios.push_back({.name = name});
  const auto ramps = std::min(plan.scenarios.size(), static_cast<std::size_t>(message.ramps_size()));
  for (std::size_t i = 0; i < ramps; ++i) {
    const v1::RecordedRamp& from = message.ramps(static_cast<int>(i));
    Ramp& ramp = plan.scenarios[i].ramp;
    ramp.soak = from.soak();
    if (from.search()) ramp.search.emplace();
    ramp.descend = from.descend();
    ramp.proof.assign(from.proof().begin(), from.proof().end());
  }
  const auto replicas = std::min(plan.targets.size(), static_cast<std::size_t>(message.replicas_size()));
  for (std::size_t i = 0; i < replicas; ++i) {
    const v1::RecordedReplica& from = message.replicas(static_cast<int>(i));
    if (from.has_gpus()) plan.targets[i].gpus = from.gpus();
    if (from.has_cost_per_hour()) plan.targets[i].cost_per_hour = from.cost_per_hour();
  }
  for (const std::string& text : message.thresholds()) {
    auto threshold = parse_threshold(text, ThresholdUse::kRun);
    if (!threshold) return threshold.error();
    plan.thresholds.push_back(*std::move(threshold));
  }
  for (const Cell& cell : cells) {
    if (cell.scenario >= plan.scenarios.size())
      return Error{fmt::format("cells[{}].scenario: there is no scenario {}", cell.id, cell.scenario)};
    Scenario& scenario = plan.scenarios[cell.scenario];
    scenario.workload = cell.workload;
    scenario.slo = cell.slo;
    scenario.targets.push_back(plan.targets[cell.target].name);
  }
  if (cells_of(plan).size() != cells.size()) return Error{"cells: are not those of a plan"};
  return plan;
}

using AgentMessages = google::protobuf::RepeatedPtrField<v1::RecordedAgent>;

void to_messages(const std::vector<RunFacts::Agent>& agents, AgentMessages& out) {
  for (const RunFacts::Agent& agent : agents) {
    to_message(agent, *out.Add());
  }
}

std::vector<RunFacts::Agent> agents_of(const AgentMessages& messages) {
  std::vector<RunFacts::Agent> agents;
  for (const v1::RecordedAgent& agent : messages) {
    agents.push_back(from_message(agent));
  }
  return agents;
}

}  // namespace

void to_message(const RunFacts::Agent& agent, v1::RecordedAgent& out) {
  out.set_name(agent.name);
  out.set_clock_round_trip_nanos(agent.clock_round_trip.count());
}

RunFacts::Agent from_message(const v1::RecordedAgent& message) {
  return {.name = message.name(),
          .clock_round_trip = Nanos(std::max<std::int64_t>(0, message.clock_round_trip_nanos()))};
}

void to_message(const Plan& plan, const std::vector<Cell>& cells, const RunFacts& facts, RealTime zero_at,
                v1::RecordedRun& out) {
  out.set_format(kFormat);
  out.set_version(facts.version);
  out.set_started_at_unix_nanos(facts.started_at.time_since_epoch().count());
  out.set_zero_at_unix_nanos(zero_at.time_since_epoch().count());
  out.set_plan_name(plan.name);
  out.set_plan_text(plan.source_text);
  for (const Scenario& scenario : plan.scenarios) {
    out.add_scenarios(scenario.name);
    v1::RecordedRamp& ramp = *out.add_ramps();
    ramp.set_soak(scenario.ramp.soak);
    ramp.set_descend(scenario.ramp.descend);
    ramp.set_search(scenario.ramp.search.has_value());
    ramp.mutable_proof()->Add(scenario.ramp.proof.begin(), scenario.ramp.proof.end());
  }
  out.set_alternate(plan.alternate);
  for (const Threshold& threshold : plan.thresholds) out.add_thresholds(threshold.text);
  for (const Target& target : plan.targets) {
    v1::RecordedReplica& replica = *out.add_replicas();
    if (target.gpus) replica.set_gpus(*target.gpus);
    if (target.cost_per_hour) replica.set_cost_per_hour(*target.cost_per_hour);
  }
  const Assignment assignment{.run_id = facts.run_id,
                              .targets = plan.targets,
                              .cells = cells,
                              .seed = plan.seed,
                              .text_seed = plan.text_seed,
                              .records = plan.records};
  to_wire(assignment, *out.mutable_assignment());
  to_messages(facts.agents, *out.mutable_agents());
  out.mutable_load_seconds()->insert(facts.load_seconds.begin(), facts.load_seconds.end());
  for (const Cell& cell : cells) {
    v1::RecordedWorkload& to = *out.add_workloads();
    if (const auto identity = facts.workloads.find(cell.id); identity != facts.workloads.end()) {
      to.set_id(identity->second.id);
      to.set_summary(identity->second.summary);
    }
    if (const auto dataset = facts.datasets.find(cell.id); dataset != facts.datasets.end()) {
      to.mutable_dataset()->set_file(dataset->second.file);
      to.mutable_dataset()->set_sha256(dataset->second.sha256);
      to.mutable_dataset()->set_entries(dataset->second.entries);
    }
  }
}

Result<RecordedStart> from_message(const v1::RecordedRun& message) {
  if (message.format() != kFormat) {
    return Error{fmt::format("its format is {}, and this version reads {}", message.format(), kFormat)};
  }
  auto assignment = from_wire(message.assignment());
  if (!assignment) return assignment.error();
  auto plan = plan_of(message, *assignment);
  if (!plan) return plan.error();
  RunFacts facts{.run_id = message.assignment().run_id(),
                 .version = message.version(),
                 .started_at = RealTime(Nanos(message.started_at_unix_nanos())),
                 .load_seconds = {message.load_seconds().begin(), message.load_seconds().end()},
                 .seed = plan->seed};
  facts.agents = agents_of(message.agents());
  for (std::uint32_t cell = 0; cell < static_cast<std::uint32_t>(message.workloads_size()); ++cell) {
    const v1::RecordedWorkload& from = message.workloads(static_cast<int>(cell));
    facts.workloads[cell] = {.id = from.id(), .summary = from.summary()};
    if (cell < assignment->cells.size())
      facts.workloads[cell].texts = texts_id(assignment->cells[cell].workload, plan->seed);
    if (!from.has_dataset()) continue;
    const v1::RecordedDataset& dataset = from.dataset();
    facts.datasets[cell] = {.file = dataset.file(), .sha256 = dataset.sha256(), .entries = dataset.entries()};
  }
  return RecordedStart{.plan = *std::move(plan),
                       .cells = std::move(assignment->cells),
                       .facts = std::move(facts),
                       .zero_at = RealTime(Nanos(message.zero_at_unix_nanos()))};
}

void to_message(const StepWindow& window, v1::RecordedWindow& out) {
  // Every field has a name here, so that a new one does not compile until it is recorded, too.
  const auto& [cell, concurrency, rate, attempt, epoch, level_at, begin, end, requests, finished_at,
               interrupted, agent_lost, unsteady, role, scout, grain, agents, low_confidence, moving, look] =
      window;
  out.set_cell(cell);
  out.set_concurrency(concurrency);
  if (rate) out.set_rate(*rate);
  out.set_attempt(attempt);
  out.set_epoch(epoch);
  out.set_level_at_nanos(level_at.count());
  out.set_begin(begin);
  out.set_end(end);
  if (requests) out.set_requests(*requests);
  if (finished_at) out.set_finished_at_nanos(finished_at->count());
  out.set_interrupted(interrupted);
  out.set_agent_lost(agent_lost);
  out.set_unsteady(unsteady);
  out.set_role(static_cast<v1::StepRole>(role));
  out.set_scout(scout);
  out.set_grain(grain);
  out.set_agents(agents);
  out.set_low_confidence(low_confidence);
  out.set_moving(moving);
  if (look) {
    v1::RecordedLook& recorded = *out.mutable_look();
    recorded.set_number(look->number);
    recorded.set_low(look->low);
    if (look->high) recorded.set_high(*look->high);
  }
}

Result<StepWindow> from_message(const v1::RecordedWindow& message, std::size_t cells) {
  return wire::guarded([&] {
    if (message.cell() >= cells)
      refuse({nullptr, "cell"}, fmt::format("there is no cell {}", message.cell()));
    constexpr std::int64_t kMost = wire::kMaxDuration / std::chrono::seconds(1);
    if (message.begin() < 0 || message.end() < message.begin() || message.end() > kMost)
      refuse({nullptr, "end"},
             fmt::format("[{}, {}) is no stretch of a run", message.begin(), message.end()));
    if (message.grain() < 1 || message.grain() > kMost)
      refuse({nullptr, "grain"}, fmt::format("{} is no number of seconds", message.grain()));
    if ((message.end() - message.begin()) % message.grain() != 0)
      refuse({nullptr, "grain"}, fmt::format("[{}, {}) is not made of stretches of {} s", message.begin(),
                                             message.end(), message.grain()));
    if (!v1::StepRole_IsValid(message.role()))
      refuse({nullptr, "role"}, fmt::format("{} is no role", static_cast<int>(message.role())));
    StepWindow window{.cell = message.cell(),
                      .concurrency = message.concurrency(),
                      .attempt = message.attempt(),
                      .epoch = message.epoch(),
                      .level_at = duration({nullptr, "level_at_nanos"}, message.level_at_nanos()),
                      .begin = message.begin(),
                      .end = message.end(),
                      .interrupted = message.interrupted(),
                      .agent_lost = message.agent_lost(),
                      .unsteady = message.unsteady(),
                      .role = static_cast<StepRole>(message.role()),
                      .scout = message.scout(),
                      .grain = message.grain(),
                      .agents = message.agents(),
                      .low_confidence = message.low_confidence(),
                      .moving = message.moving()};
    if (message.has_look()) {
      const v1::RecordedLook& look = message.look();
      window.look = Look{.number = look.number(), .low = wire::amount({nullptr, "look.low"}, look.low())};
      if (look.has_high()) window.look->high = wire::amount({nullptr, "look.high"}, look.high());
    }
    if (message.has_rate()) window.rate = wire::amount({nullptr, "rate"}, message.rate());
    if (message.has_requests()) window.requests = message.requests();
    if (message.has_finished_at_nanos())
      window.finished_at = duration({nullptr, "finished_at_nanos"}, message.finished_at_nanos());
    return window;
  });
}

void to_message(const Decision& decision, v1::RecordedDecision& out) {
  const auto& [controller, rows, elapsed, cycle, load, again, ended, cut_short, given_up] = decision;
  out.set_controller(controller);
  out.set_rows(rows);
  out.set_elapsed_nanos(elapsed.count());
  if (cycle) out.set_cycle_nanos(cycle->count());
  out.set_load(load);
  out.set_again(again);
  out.set_ended(ended);
  out.set_cut_short(cut_short);
  out.set_given_up(given_up);
}

Result<Decision> from_message(const v1::RecordedDecision& message) {
  return wire::guarded([&] {
    Decision decision{.controller = message.controller(),
                      .rows = message.rows(),
                      .elapsed = duration({nullptr, "elapsed_nanos"}, message.elapsed_nanos()),
                      .load = wire::amount({nullptr, "load"}, message.load()),
                      .again = message.again(),
                      .ended = message.ended(),
                      .cut_short = message.cut_short(),
                      .given_up = message.given_up()};
    if (message.has_cycle_nanos()) decision.cycle = duration({nullptr, "cycle_nanos"}, message.cycle_nanos());
    return decision;
  });
}

void to_message(const SegmentStart& start, v1::RecordedResumption& out) {
  out.set_run_id(start.run_id);
  out.set_at_unix_nanos(start.wall.time_since_epoch().count());
  out.set_at(start.at);
  out.set_gap(start.gap);
  out.set_windows(start.windows);
  out.set_decisions(start.decisions);
  to_messages(start.agents, *out.mutable_agents());
}

Result<SegmentStart> from_message(const v1::RecordedResumption& message) {
  return wire::guarded([&] {
    constexpr std::int64_t kMost = wire::kMaxDuration / std::chrono::seconds(1);
    if (message.at() < 0 || message.at() > kMost || message.gap() < 0 || message.gap() > message.at())
      refuse({nullptr, "at"}, fmt::format("{} after {} is no time of a run", message.at(), message.gap()));
    return SegmentStart{.run_id = message.run_id(),
                        .wall = RealTime(Nanos(message.at_unix_nanos())),
                        .at = message.at(),
                        .gap = message.gap(),
                        .windows = message.windows(),
                        .decisions = message.decisions(),
                        .agents = agents_of(message.agents())};
  });
}

Result<SnapshotBatch> batch_of(Result<SnapshotBatch> batch, std::size_t cells) {
  if (!batch) return batch;
  for (const SecondSnapshot& second : batch->seconds) {
    for (const auto& [key, stats] : second.series) {
      if (key.cell >= cells) return Error{fmt::format("batch: there is no cell {}", key.cell)};
    }
  }
  return batch;
}

void to_message(const RunFacts& facts, v1::RecordedEnd& out) {
  out.set_duration_nanos(facts.duration.count());
  out.set_interrupted(facts.interrupted);
  out.set_stopped_by(facts.stopped_by);
  out.set_fleet_failure(facts.fleet_failure);
  for (const auto& [cell, why] : facts.cut_short) (*out.mutable_cut_short())[cell] = why;
}

void from_message(const v1::RecordedEnd& message, RunFacts& facts) {
  facts.duration = Nanos(message.duration_nanos());
  facts.interrupted = message.interrupted();
  facts.stopped_by = message.stopped_by();
  facts.cut_short.clear();
  if (!message.fleet_failure().empty()) facts.fleet_failure = message.fleet_failure();
  for (const auto& [cell, why] : message.cut_short()) facts.cut_short[cell] = why;
}

}  // namespace kneepoint::coordinator
