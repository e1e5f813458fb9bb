#include "coordinator/run/run_facts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <random>

#include "common/dataset.h"
#include "common/name.h"
#include "common/texts_id.h"
#include "common/version.h"
#include "common/wire.h"
#include "coordinator/plan/workload_printer.h"

namespace kneepoint::coordinator {
namespace {

std::string one_line(std::string text) {
  for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at)) {
    text.replace(at, text.find_first_not_of("\n ", at) - at, ", ");
  }
  return text;
}

DatasetSource source_of(const Plan& plan, const std::string& hash) {
  const DatasetFile& file = plan.dataset_files.at(hash);
  return {.file = file.name, .sha256 = file.sha256, .entries = plan.datasets.at(hash)->entries.size()};
}

}  // namespace

std::string new_run_id(RealTime now, const std::string& plan) {
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{}-{:04x}", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     ascii_name(plan), std::random_device()() & 0xffff);
}

std::uint64_t new_text_seed() {
  std::random_device source;
  return std::uint64_t{source()} << 32 | source();
}

RunFacts::Agent fact_of(const AgentInfo& agent) {
  return {.name = agent.name,
          .presence = agent.membership.presence(),
          .clock_round_trip = agent.clock.round_trip};
}

RunFacts facts_of(const Plan& plan, const std::vector<Cell>& cells, const Fleet& fleet) {
  RunFacts facts{.version = std::string(version()), .seed = plan.seed};
  for (const Cell& cell : cells) {
    facts.workloads[cell.id] = {.id = workload_id(cell.workload),
                                .summary = one_line(describe_workload(cell.workload, plan)),
                                .texts = texts_id(cell.workload, plan.seed)};
    if (const auto& use = cell.workload.dataset) facts.datasets[cell.id] = source_of(plan, use->hash);
  }
  for (std::uint32_t i = 0; i < fleet.agents_ever(); ++i) facts.agents.push_back(fact_of(fleet.agent(i)));
  return facts;
}

}  // namespace kneepoint::coordinator
