// A session's part in one run: its assignment, its levels, and what it measures.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "agent/session/agent_metrics.h"
#include "agent/session/agent_session.h"
#include "common/batch_bytes.h"
#include "common/secrets.h"
#include "common/whole_seconds.h"
#include "common/wire.h"
#include "common/wire_check.h"
#include "kneepoint/v1/fleet.pb.h"
#include "kneepoint/v1/measurement.pb.h"

namespace kneepoint::agent {

void AgentSession::accept(const v1::CoordinatorMessage& message) {
  if (engine_ || incoming_) return refuse("a second assignment");
  auto assignment = from_wire(message.assignment());
  if (!assignment) return refuse("invalid assignment: " + assignment.error().message);
  if (std::chrono::abs(assignment->zero - now()) > wire::kMaxDuration)
    return refuse("invalid assignment: zero_nanos: more than a year from now");
  std::vector<Keys> keys;
  for (const Target& target : assignment->targets) {
    if (auto allowed = options_.permissions.check(target); !allowed) return refuse(allowed.error().message);
    auto resolved = resolve_keys(target.auth);
    if (!resolved) return refuse(fmt::format("target {}: {}", target.name, resolved.error().message));
    keys.push_back(*std::move(resolved));
  }
  DatasetFetch fetch(*assignment);
  incoming_ = Incoming{*std::move(assignment), std::move(keys), std::move(fetch)};
  fetch_or_start();
}

void AgentSession::fetch_or_start() {
  if (!incoming_->fetch.complete()) {
    const DatasetFetch::Piece piece = incoming_->fetch.next();
    v1::AgentMessage request;
    request.mutable_dataset_request()->set_hash(piece.hash);
    request.mutable_dataset_request()->set_offset(piece.offset);
    link_->send(std::move(request));
    return;
  }
  Incoming ready_to_run = *std::move(incoming_);
  incoming_.reset();
  Assignment& assignment = ready_to_run.assignment;
  assignment.datasets = std::move(ready_to_run.fetch).datasets();
  run_id_ = assignment.run_id;
  clock_ = RunClock(assignment.zero, now());
  lease_->begin(assignment.zero);
  lanes_.clear();
  for (const Cell& cell : assignment.cells) lanes_.push_back(lanes_of(cell.workload, assignment.datasets));
  try {
    engine_ = make_engine_(std::move(assignment), std::move(ready_to_run.keys),
                           [this, run = ++run_](LevelDone done) {
                             inbox_.push(EngineDone{run, done});
                           });
  } catch (const std::exception& problem) {
    return refuse(problem.what());
  }
  phase_ = Phase::kReady;
  collect_at_ = next_collection(now());
  v1::AgentMessage ready;
  ready.mutable_ready()->set_run_id(run_id_);
  link_->send(std::move(ready));
  spdlog::info("ready for run {}", run_id_);
}

void AgentSession::forget_run() {
  lease_->end();
  beat_reply_.reset();
  engine_.reset();  // ends whatever still runs
  incoming_.reset();
  outbox_.clear();
  done_.reset();
  idle_at_.reset();
  sequence_ = epoch_ = drained_through_ = drops_told_ = 0;
  complete_through_ = -1;
  drained_told_ = records_shed_ = false;
  phase_ = Phase::kJoining;
}

void AgentSession::on_welcome(const v1::Welcome& welcome) {
  const bool forgets = engine_ && !welcome.resume();
  if (forgets) forget_run();
  welcomed_ = found_ = true;
  outbox_.link_lost();
  drained_told_ = false;
  outbox_.acknowledged(welcome.acked());
  send_batches();
  send_done();
  if (forgets) spdlog::warn("its part in run {} is over: what was left of it is forgotten", run_id_);
  spdlog::info("joined the coordinator at {} as {}", options_.coordinator.str(), options_.name);
}

void AgentSession::on_level(const v1::LoadLevel& message) {
  const auto level = from_wire(message);
  if (!level) return refuse("invalid level: " + level.error().message);
  if (level->cell >= lanes_.size())
    return refuse(fmt::format("invalid level: cell {} of {}", level->cell, lanes_.size()));
  if (level->held.size() != options_.threads)
    return refuse(fmt::format("invalid level: it is for {} threads", level->held.size()));
  if (level->epoch <= epoch_) return;  // sent again over a new link
  if (phase_ != Phase::kReady && phase_ != Phase::kLoading) {
    spdlog::warn("level {} came after the load had been stopped: ignored", level->epoch);
    return;
  }
  if (auto allowed = options_.permissions.caps.check(*level, lanes_[level->cell]); !allowed)
    return refuse("a level gives this agent " + allowed.error().message);
  phase_ = Phase::kLoading;
  epoch_ = level->epoch;
  engine_->apply(*level);
}

void AgentSession::on_done(const EngineDone& done) {
  if (done.run != run_) return;
  done_ = done.done;
  send_done();
}

void AgentSession::send_done() {
  if (!done_ || !welcomed_) return;
  v1::AgentMessage message = of_run();
  message.mutable_level_done()->set_epoch(done_->epoch);
  message.mutable_level_done()->set_finished_at_nanos(done_->finished_at.count());
  link_->send(std::move(message));
}

v1::AgentMessage AgentSession::of_run() const {
  v1::AgentMessage message;
  message.set_run_id(run_id_);
  return message;
}

void AgentSession::refuse(const std::string& reason) {
  v1::AgentMessage message;
  message.mutable_refused()->set_reason(reason);
  link_->send(std::move(message));
  end_after_flush({ExitCode::kUsage, reason});
}

void AgentSession::stop_load(Nanos limit) {
  if (phase_ == Phase::kJoining || phase_ == Phase::kDrained) return;
  engine_->drain(limit);
  phase_ = Phase::kDraining;
}

void AgentSession::collect() {
  SnapshotBatch batch = engine_->collect();
  // Before the zero nothing is measured.
  std::erase_if(batch.seconds, [](const SecondSnapshot& second) { return second.second < 0; });
  batch.complete_through = std::max<std::int64_t>(batch.complete_through, -1);
  const std::int64_t through = batch.complete_through;
  if (options_.metrics != nullptr) options_.metrics->observe(batch);
  for (SnapshotBatch& part : parts_of(std::move(batch), std::exchange(complete_through_, through))) {
    part.sequence = ++sequence_;
    auto message = std::make_unique<v1::SnapshotBatch>();
    to_wire(part, *message);
    if (outbox_.add(std::move(message)) > 0 && !std::exchange(records_shed_, true)) {
      spdlog::warn(
          "the coordinator does not keep up: the oldest lines of requests are left out of its records");
    }
  }
  if (const std::uint64_t dropped = outbox_.dropped(); dropped > drops_told_) {
    if (drops_told_ == 0) spdlog::warn("the coordinator does not keep up: the oldest seconds are dropped");
    drops_told_ = dropped;
  }
  const bool last = phase_ == Phase::kDraining && idle_at_ && through >= second_of(*idle_at_ - clock_.zero());
  if (last) {
    phase_ = Phase::kDrained;
    drained_through_ = sequence_;
  }
  send_batches();
}

void AgentSession::send_batches() {
  if (!welcomed_) return;
  while (const v1::SnapshotBatch* batch = outbox_.next()) {
    v1::AgentMessage envelope = of_run();
    batch->SerializeToString(envelope.mutable_batch());
    envelope.set_more(outbox_.waits());
    add_beat_reply(envelope);
    link_->send(std::move(envelope));
  }
  if (phase_ != Phase::kDrained || drained_told_ || !outbox_.sent(drained_through_)) return;
  drained_told_ = true;
  v1::AgentMessage message = of_run();
  message.mutable_drained()->set_last_sequence(drained_through_);
  link_->send(std::move(message));
  if (stopping_) end_after_flush({ExitCode::kInterrupted, *stopping_});
}

}  // namespace kneepoint::agent
