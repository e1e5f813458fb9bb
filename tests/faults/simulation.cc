#include "tests/faults/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "coordinator/fleet/fleet.h"
#include "coordinator/recording/recording.h"
#include "coordinator/recording/results.h"
#include "coordinator/recording/resume.h"
#include "coordinator/run/recorded_run.h"
#include "coordinator/run/run_loop.h"
#include "coordinator/run/run_record.h"
#include "tests/faults/agents.h"
#include "tests/faults/journal_checks.h"
#include "tests/faults/life.h"
#include "tests/faults/load_watch.h"
#include "tests/faults/network.h"
#include "tests/faults/world.h"
#include "tests/method/claims.h"

namespace kneepoint::faults {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using coordinator::Journal;
using coordinator::RunLoop;
using What = Fault::What;

/// No run of a scenario takes so long, whatever happens in it.
constexpr Nanos kLongestRun = 4h;
constexpr Nanos kDiskPatience = 5s;
constexpr Nanos kRestartAfter = 2s;

/// The coordinator's process has been killed.
struct Killed {};

class Simulation {
 public:
  Simulation(const Scenario& scenario, const SimulateOptions& options)
      : scenario_(scenario),
        options_(options),
        plan_(plan_of(scenario)),
        cells_(cells_of(plan_)),
        random_(scenario.seed * 7 + 3),
        world_(kLongestRun),
        network_(world_, scenario.seed * 7 + 4),
        host_(world_, the_case().model, scenario.seed * 7 + 5),
        watch_(world_),
        directory_(options.scratch / "run") {
    fs::remove_all(options.scratch);
    fs::create_directories(directory_);
    for (std::size_t i = 0; i < scenario.agents; ++i)
      agents_.push_back(std::make_unique<Agent>(world_, network_, host_, ledger_, fmt::format("agent-{}", i),
                                                scenario.seed * 100 + i, 1 + static_cast<unsigned>(i % 3)));
    // Whoever supervises agents starts them again.
    for (const auto& agent : agents_)
      agent->on_exit = [this, &agent = *agent] {
        tell(fmt::format("{} has ended", agent.name()));
        world_.after(kRestartAfter, [this, &agent] {
          if (!over_) agent.boot();
        });
      };
    host_.on_send = [this] { check_load(); };
    network_.on_delivery = [this](const std::string& agent, const v1::CoordinatorMessage& message) {
      for (const auto& each : agents_) {
        if (each->name() != agent) continue;
        each->note(message);
        if (each->engine() == nullptr || !life_) continue;
        if (auto wrong = life_->shares.note(agent, each->engine()->id(), message)) broken(std::move(*wrong));
      }
    };
    for (const Fault& fault : scenario.faults) world_.after(fault.at, [this, fault] { happen(fault); });
  }

  Verdict run() {
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      const Nanos wait = i < scenario_.boots.size() ? scenario_.boots[i] : Nanos(0);
      world_.after(wait, [&agent = *agents_[i]] { agent.boot(); });
    }
    try {
      while (!over_) {
        ++verdict_.coordinators;
        try {
          coordinate();
        } catch (const Killed&) {
          after_kill();
        }
      }
      world_.pass(lease::kPromise + 1s);
      if (const auto left = host_.in_flight().size(); left > 0)
        broken(fmt::format("(b) {} requests run on after the end", left));
    } catch (const Stuck& stuck) {
      broken(fmt::format("(e) {}", stuck.what()));
    }
    verdict_.seconds = to_seconds(world_.elapsed());
    check_journal();
    fs::remove_all(options_.scratch);
    return std::move(verdict_);
  }

 private:
  void tell(const std::string& what) const {
    if (options_.tell) options_.tell(fmt::format("{:9.3f} s  {}", to_seconds(world_.elapsed()), what));
  }
  void broken(std::string what) {
    tell("BROKEN: " + what);
    if (verdict_.broken.size() < 20) verdict_.broken.push_back(std::move(what));
  }

  void happen(const Fault& fault) {
    tell(to_string(fault));
    Agent& agent = *agents_[std::min(fault.agent, agents_.size() - 1)];
    switch (fault.what) {
      case What::kKillAgent:
      case What::kLoseMachine: {
        agent.kill(fault.what == What::kLoseMachine);
        world_.after(fault.span, [this, &agent] {
          network_.cut(agent.name(), 0s, false);
          agent.boot();
        });
        break;
      }
      case What::kFreezeAgent:
        return agent.freeze(fault.span);
      case What::kCutLink:
      case What::kSilenceLink:
        return network_.cut(agent.name(), fault.span, fault.what == What::kSilenceLink);
      case What::kSlowLink:
        return network_.slow(agent.name(), fault.span, fault.extent);
      case What::kRepeatBatches:
        return network_.repeat(agent.name(), fault.span);
      case What::kStepWall:
        wall_ += fault.extent;
        if (life_) life_->clock.step_wall(fault.extent);
        break;
      case What::kFillDisk:
        disk_full_until_ = std::max(disk_full_until_, world_.now() + fault.span);
        if (life_ && life_->disk) life_->disk->fill_until(disk_full_until_);
        break;
      case What::kFreezeCoordinator:
        if (conducting()) life_->process.freeze(fault.span);
        break;
      case What::kKillCoordinator:
        down_for_ = fault.span;
        if (conducting()) kill_coordinator();
        break;
      case What::kKillAtWrite:
        down_for_ = fault.span;
        kill_at_write_ = true;
        break;
      case What::kInterrupt:
        down_for_ = fault.span;
        interrupted_ = conducting();
        break;
    }
  }

  bool conducting() const { return life_ && life_->fleet != nullptr; }

  [[noreturn]] void kill_coordinator() {
    lost_at_kill_.clear();
    for (const auto& agent : agents_)
      if (!takes_part(agent->name())) lost_at_kill_.insert(agent->name());
    life_->process.kill();
    if (life_->disk) life_->disk->die();
    throw Killed();
  }

  /// What the disk does for the journal, now and then.
  void attend_disk() {
    const Nanos pause = from_seconds(0.005 + 0.2 * random_.uniform());
    life_->process.run_after(pause, [this] {
      (void)life_->disk->work();
      attend_disk();
    });
  }

  void coordinate() {
    auto found = coordinator::find_run(directory_, plan_);
    if (!found) {
      over_ = true;
      return broken("(f) " + found.error().message);
    }
    std::optional<coordinator::Recording> past = *std::move(found);
    if (past && coordinator::is_over(*past)) {
      over_ = true;
      return;
    }
    check_past(past ? &*past : nullptr);
    life_ = std::make_unique<Life>(world_, wall_);
    coordinator::Fleet::Options fleet_options;
    auto served = coordinator::Fleet::over(
        fleet_options, life_->clock,
        [&](coordinator::LinkServer::Sink sink) -> Result<std::unique_ptr<coordinator::LinkServer>> {
          return network_.serve(std::move(sink), life_->clock, life_->process);
        });
    const std::unique_ptr<coordinator::Fleet> fleet = *std::move(served);
    life_->fleet = fleet.get();
    coordinator::RunRecord record(directory_, past ? past->segments + 1 : 1,
                                  std::make_unique<Journal>(Journal::Unattended{}));
    life_->disk.emplace(world_, record.path(coordinator::kRecordingFile), record.journal(), random_.next());
    life_->disk->fill_until(disk_full_until_);
    tell(fmt::format("coordinator {}{}", verdict_.coordinators, past ? " goes on" : ""));
    try {
      conduct(*fleet, record, past ? &*past : nullptr);
    } catch (...) {
      life_->fleet = nullptr;
      throw;
    }
    life_->fleet = nullptr;
    life_->process.kill();
    if (!over_) world_.pass(down_for_);
  }

  void conduct(coordinator::Fleet& fleet, coordinator::RunRecord& record, coordinator::Recording* past) {
    const auto assembled =
        fleet.assemble({.expected = scenario_.agents, .least = scenario_.least}, kJoinTimeout);
    if (!assembled) return restart("assembling: " + assembled.error().message);
    const coordinator::RecordedRun::Identity identity{
        .run_id = past != nullptr ? past->facts.run_id : "run",
        .started_at = past != nullptr ? past->facts.started_at : life_->clock.real_now()};
    coordinator::RecordedRun recorded(plan_, cells_, fleet, record, life_->clock, identity, past);
    if (const auto started = recorded.start({}); !started)
      return restart("starting: " + started.error().message);
    auto opened = recorded.open();
    if (!opened) return restart("opening: " + opened.error().message);
    rows_.resize(std::min(rows_.size(), opened->rows.size()));  // the others are measured again
    life_->disk->begun();
    record.journal().watch([this]() -> Result<void> {
      if (kill_at_write_ && life_->disk->unsettled()) {
        kill_at_write_ = false;
        kill_coordinator();
      }
      return {};
    });
    attend_disk();

    WatchedFleet watched(fleet, world_, watch_, life_->shares);
    RunLoop loop(plan_, cells_, watched, hooks(recorded),
                 {.past = *std::move(opened), .least_agents = scenario_.least});
    if (const auto went = loop.run(); !went) broken("(f) " + went.error().message);
    const coordinator::RunFacts facts = recorded.facts(loop, fleet.now());
    record.end(facts);
    life_->disk->posted();
    const MonoTime patience = world_.now() + kDiskPatience;
    while (!life_->disk->work() && world_.now() < patience) world_.pass(100ms);
    const bool whole = life_->disk->whole();
    fleet.finish(!loop.interrupted() && loop.fleet_failure().empty(), loop.fleet_failure());
    world_.pass(1s);  // its agents hear of it
    over_ = !loop.interrupted();
    interrupted_ = false;
    verdict_.rows = loop.windows().size();
    verdict_.ending = loop.fleet_failure().empty() ? "whole" : loop.fleet_failure();
    tell(fmt::format("coordinator {} has ended{}", verdict_.coordinators, over_ ? "" : ", interrupted"));
    if (!whole) verdict_.ending += ", its disk full";
    if (whole) check_report(loop, facts);
    const coordinator::Timeline* const live = whole ? &loop.timeline() : nullptr;
    for (std::string& line : check_batches(directory_, ledger_, live)) broken(std::move(line));
  }

  RunLoop::Hooks hooks(coordinator::RecordedRun& recorded) {
    RunLoop::Hooks hooks = recorded.hooks();
    hooks.interrupts = [this] { return interrupted_ ? 1 : 0; };
    hooks.on_batch = [this, record = hooks.on_batch](const coordinator::BatchArrived& arrived) {
      life_->disk->posted();
      record(arrived);
    };
    hooks.on_decision = [this, record = hooks.on_decision](const coordinator::Decision& decision) {
      life_->disk->posted();
      record(decision);
    };
    hooks.on_step = [this, record = hooks.on_step](const coordinator::StepWindow& window,
                                                   const coordinator::Step& step) {
      life_->disk->posted();
      record(window, step);
      rows_.push_back(text_of(step));
      tell(fmt::format("row {}: {} in [{}, {}){}", rows_.size() - 1, window.concurrency, window.begin,
                       window.end, window.agent_lost ? ", lost" : ""));
    };
    hooks.on_agent_joined = [this, record = hooks.on_agent_joined](const coordinator::AgentJoined& joined) {
      life_->disk->posted();
      life_->shares.joined();
      record(joined);
      tell(fmt::format("{} joined as {}", life_->fleet->agent(joined.agent).name, joined.agent));
    };
    hooks.on_agent_lost = [this, record = hooks.on_agent_lost](const coordinator::AgentLost& lost) {
      life_->disk->posted();
      ++verdict_.losses;
      record(lost);
      tell(fmt::format("{} lost: {}", life_->fleet->agent(lost.agent).name, lost.reason));
    };
    return hooks;
  }

  /// The coordinator ends with an error, and its supervisor starts another one.
  void restart(const std::string& why) {
    tell(why);
    verdict_.ending = why;
    over_ = verdict_.coordinators > 20;
    if (over_) broken("(e) no coordinator could begin: " + why);
    world_.pass(1s);
  }

  /// What was written and not yet settled may be there in part.
  void after_kill() {
    if (life_->disk) {
      tell("the coordinator is dead; of its segment is left: " + life_->disk->tear());
      marks_ = life_->disk->marks();
    }
    life_.reset();
    const Nanos down_for = std::max(down_for_, Nanos(10ms));  // another kill may be planned meanwhile
    world_.pass(down_for);
    if (down_for > lease::kPromise && !host_.in_flight().empty())
      broken("(b) load runs on 10 s after its coordinator was killed");
  }

  void check_past(const coordinator::Recording* past) {
    if (past != nullptr) {
      for (std::string& line : check_rows(past->rows, rows_)) broken(std::move(line));
    } else {
      rows_.clear();  // nothing of it had come to the disk
    }
  }

  /// A replay says the same, and what is trustworthy is true.
  void check_report(const RunLoop& loop, const coordinator::RunFacts& facts) {
    const coordinator::TelemetrySeries none;
    const coordinator::Report live =
        coordinator::analyse({plan_, loop.timeline(), loop.windows(), facts, none});
    for (std::string& line : check_replay(directory_, live)) broken(std::move(line));
    verdict_.trusted = live.verdict.valid();
    if (!verdict_.trusted || live.results.empty()) return;
    static const method::Truth truth = method::truth_of(the_case());
    for (const std::string& claim : method::false_claims(the_case(), truth, live.results[0])) {
      verdict_.false_claim = true;
      tell("not so: " + claim);
    }
  }

  void check_journal() {
    const Marks& marks = life_ && life_->disk ? life_->disk->marks() : marks_;
    const Cuts cuts{
        .plan = plan_, .cells = cells_, .marks = marks, .rows = rows_, .scratch = options_.scratch / "cut"};
    for (std::string& line : check_cuts(directory_, cuts, options_.cuts, random_)) broken(std::move(line));
    for (std::string& line : check_fold(directory_)) broken(std::move(line));
  }

  void check_load() {
    std::map<std::uint32_t, std::vector<std::uint64_t>> runners;  // of a slot, as far as the fleet knows them
    for (const auto& request : host_.in_flight()) {
      const auto agent = std::find_if(agents_.begin(), agents_.end(), [&](const auto& each) {
        return static_cast<const Client*>(each->engine()) == request->client;
      });
      if (agent != agents_.end() && takes_part((*agent)->name()))
        runners[request->slot].push_back(request->epoch);
    }
    // A slot that has moved to another agent may still have its last request of an earlier level at the one
    // before.
    std::size_t moved = 0;
    for (const auto& [slot, epochs] : runners) {
      const std::uint64_t newest = *std::max_element(epochs.begin(), epochs.end());
      moved += static_cast<std::size_t>(
          std::count_if(epochs.begin(), epochs.end(), [&](std::uint64_t epoch) { return epoch < newest; }));
    }
    if (auto wrong = watch_.check(host_.in_flight().size(), moved)) broken(std::move(*wrong));
  }

  /// Whether it has load as the fleet knows it. One that was lost may go on until its load has surely ended,
  /// and does not know what was taken from it.
  bool takes_part(const std::string& name) const {
    if (!conducting()) return !lost_at_kill_.contains(name);
    for (std::uint32_t i = life_->fleet->agents_ever(); i-- > 0;) {
      const coordinator::AgentInfo& info = life_->fleet->agent(i);
      if (info.name != name) continue;
      if (info.membership.takes_part()) return true;
      const std::chrono::seconds until(info.membership.presence().until);
      if (info.membership.lost() && life_->fleet->now() < until) return true;
    }
    return false;
  }

  const Scenario& scenario_;
  const SimulateOptions& options_;
  const Plan plan_;
  const std::vector<Cell> cells_;
  method::Random random_;
  World world_;
  Network network_;
  Host host_;
  Ledger ledger_;
  LoadWatch watch_;
  const fs::path directory_;
  std::vector<std::unique_ptr<Agent>> agents_;
  std::unique_ptr<Life> life_;
  Nanos wall_{0};
  MonoTime disk_full_until_{};
  Nanos down_for_{0};
  bool kill_at_write_ = false, interrupted_ = false;
  std::set<std::string> lost_at_kill_;  // of agents, as the last coordinator that was killed saw them
  std::vector<std::string> rows_;       // of the run, as told
  Marks marks_;
  bool over_ = false;
  Verdict verdict_;
};

}  // namespace

Verdict simulate(const Scenario& scenario, const SimulateOptions& options) {
  return Simulation(scenario, options).run();
}

}  // namespace kneepoint::faults
