#include "coordinator/run/recorded_run.h"

#include <memory>
#include <utility>

#include "coordinator/run/run_facts.h"

namespace kneepoint::coordinator {

RecordedRun::RecordedRun(const Plan& plan, const std::vector<Cell>& cells, Fleet& fleet, RunRecord& record,
                         const Clock& clock, Identity identity, Recording* past)
    : plan_(plan),
      cells_(cells),
      fleet_(fleet),
      record_(record),
      clock_(clock),
      identity_(std::move(identity)),
      past_(past) {}

Result<void> RecordedRun::start(const Fleet::Check& check) {
  if (past_ != nullptr) on_ = continue_run(*past_, clock_.real_now());
  Assignment assignment{.run_id = identity_.run_id,
                        .targets = plan_.targets,
                        .cells = cells_,
                        .seed = plan_.seed,
                        .text_seed = plan_.text_seed,
                        .records = plan_.records,
                        .datasets = plan_.datasets};
  return fleet_.start(std::move(assignment), check, std::chrono::seconds(on_.start.at));
}

Result<RunPast> RecordedRun::open() {
  const RealTime zero_at = clock_.real_now() - fleet_.now();
  agents_ = facts_of(plan_, cells_, fleet_).agents;
  agents_.resize(fleet_.agents());  // who comes later is told of
  for (RunFacts::Agent& agent : agents_) agent.presence = {};
  first_agents_ = agents_.size();
  Result<void> opened;
  if (past_ == nullptr) {
    opened = record_.begin(plan_, cells_, facts(), zero_at);
  } else {
    on_.start.agents = agents_;
    opened = record_.go_on(plan_, cells_, on_.start, identity_.run_id, zero_at);
    resumed_ = on_.start.told();
  }
  if (!opened) return opened.error();
  return std::move(on_.past);
}

RunLoop::Hooks RecordedRun::hooks() {
  RunLoop::Hooks hooks;
  hooks.on_batch = [this](const BatchArrived& arrived) {
    record_.batch(arrived, fleet_.agent(arrived.agent).name,
                  [&fleet = fleet_, agent = arrived.agent, sequence = arrived.batch.sequence] {
                    fleet.recorded(agent, sequence);
                  });
  };
  hooks.on_decision = [this](const Decision& decision) { record_.decision(decision); };
  hooks.on_step = [this](const StepWindow& window, const Step&) { record_.window(window); };
  hooks.on_agent_joined = [this](const AgentJoined& joined) {
    agents_.push_back(fact_of(fleet_.agent(joined.agent)));
    agents_.back().presence = {.from = joined.from};
    record_.agent_joined(agents_.back());
  };
  hooks.on_agent_lost = [this](const AgentLost& lost) {
    agents_.at(lost.agent).presence.until = lost.until;
    record_.agent_lost(lost.agent, lost.until);
  };
  return hooks;
}

RunFacts RecordedRun::facts() const {
  RunFacts facts = facts_of(plan_, cells_, fleet_);
  facts.run_id = identity_.run_id;
  facts.started_at = identity_.started_at;
  facts.load_seconds = identity_.load_seconds;
  facts.agents = agents_;
  if (past_ == nullptr) return facts;
  facts.agents = past_->facts.agents;
  const auto late = agents_.begin() + static_cast<std::ptrdiff_t>(first_agents_);
  (void)join_agents(facts.agents, {agents_.begin(), late});
  facts.agents.insert(facts.agents.end(), late, agents_.end());
  facts.resumed = past_->facts.resumed;
  if (resumed_) facts.resumed.push_back(*resumed_);
  return facts;
}

RunFacts RecordedRun::facts(const RunLoop& loop, Nanos duration) const {
  RunFacts facts = this->facts();
  facts.duration = duration;
  facts.interrupted = loop.interrupted();
  facts.stopped_by = loop.stopped_by();
  facts.fleet_failure = loop.fleet_failure();
  facts.cut_short = loop.cut_short();
  return facts;
}

}  // namespace kneepoint::coordinator
