#include "tests/method/queue_fleet.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kneepoint::method {

using coordinator::BatchArrived;
using coordinator::FleetEvent;

std::uint64_t Random::next() {  // splitmix64
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double Random::bell() {
  const std::uint64_t bits = next();
  double sum = -2;
  for (int i = 0; i < 4; ++i) sum += static_cast<double>((bits >> (16 * i)) & 0xffff) / 65536.0;
  return sum * std::sqrt(3.0);  // four uniforms have a variance of 1/3
}

QueueFleet::QueueFleet(const QueueModel& model, std::vector<Nanos> ttft_limits, std::uint64_t seed)
    : model_(model),
      limit_index_(ttft_limits.size()),
      random_(seed),
      host_(model.movement, seed),
      finishing_(model.longest + 1) {
  std::iota(limit_index_.begin(), limit_index_.end(), std::size_t{0});
  std::sort(limit_index_.begin(), limit_index_.end(),
            [&](std::size_t a, std::size_t b) { return ttft_limits[a] < ttft_limits[b]; });
  for (const std::size_t i : limit_index_) limits_.push_back(to_seconds(ttft_limits[i]));
  stats_.slo.resize(limits_.size());
}

std::optional<FleetEvent> QueueFleet::wait(Nanos timeout) {
  if (events_.empty()) {
    advance(to_seconds(now_ + timeout));
    now_ += timeout;
  }
  if (events_.empty()) return std::nullopt;
  FleetEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void QueueFleet::drain(Nanos) {
  draining_ = true;
  quiet_ = false;
  levels_.clear();
  levels_.push_back({.epoch = level_.epoch + 1, .cell = level_.cell, .effective_at = now_});
}

double QueueFleet::next_start() const {
  if (next_added_ >= level_.concurrency) return kNever;
  const double at = to_seconds(level_.effective_at);
  if (model_.burst_start) return at;
  const double place = next_added_ - level_.warm_slots;
  return at + to_seconds(level_.spread_over) * place / (level_.concurrency - level_.warm_slots);
}

void QueueFleet::advance(double to) {
  for (;;) {
    const double level_at = levels_.empty() ? kNever : to_seconds(levels_.front().effective_at);
    const double start_at = next_start();
    const double wake_at = wake_ups_.empty() ? kNever : wake_ups_.top().at;
    const double second_at = static_cast<double>(second_ + 1);
    const double at = std::min({level_at, start_at, wake_at, second_at, iteration_end_});
    if (at > to) return;
    if (at == second_at) {
      end_second();
      continue;
    }
    integrate(at);
    if (at == iteration_end_) {
      end_iteration(at);
    } else if (at == level_at) {
      take_level(levels_.front());
      levels_.pop_front();
    } else if (at == start_at) {
      const std::uint32_t slot = next_added_++;
      if (!slots_[slot].active) {  // else it never stopped
        slots_[slot] = {.active = true};
        ++active_;
        start_request(slot, at);
      }
    } else {
      const WakeUp next = wake_ups_.top();
      wake_ups_.pop();
      --(next.thinks ? thinking_ : backing_off_);
      end_slot_or_restart(next.slot, at);
    }
    if (iteration_end_ == kNever && in_system() > 0) begin_iteration(at);
  }
}

void QueueFleet::integrate(double time) {
  const double span = time - integrated_;
  const double waiting = static_cast<double>(waiting_.size() + admitted_.size());
  stats_.in_flight += span * in_system();
  stats_.waiting += span * waiting;
  stats_.backing_off += span * backing_off_;
  stats_.thinking += span * thinking_;
  integrated_ = time;
}

void QueueFleet::take_level(const LoadLevel& level) {
  level_ = level;
  next_added_ = level.warm_slots;
  if (slots_.size() < level.concurrency) slots_.resize(level.concurrency);
}

void QueueFleet::start_request(std::uint32_t slot, double time) {
  Slot& request = slots_[slot];
  ++stats_.started;
  const bool full = model_.admission_limit && in_system() >= *model_.admission_limit;
  if (full || !host_.admits(time)) {
    ++stats_.outcomes[static_cast<std::size_t>(Outcome::kRejected)];
    ++stats_.censored;
    for (SloCount& count : stats_.slo) ++count.missed;
    const double pause = std::min(0.1 * std::pow(2.0, std::min(request.failures, 20u)), 5.0);
    ++request.failures;
    ++backing_off_;
    wake_ups_.push({time + pause * (0.8 + 0.2 * random_.uniform()), slot});
    return;
  }
  request.start = time;
  request.limits_missed = 0;
  waiting_.push_back(slot);
}

void QueueFleet::end_slot_or_restart(std::uint32_t slot, double time) {
  if (slot < level_.concurrency) return start_request(slot, time);
  slots_[slot].active = false;
  --active_;
}

void QueueFleet::begin_iteration(double time) {
  host_.pass(time, 0, false);  // it was idle since its last iteration, if that is past
  const std::uint32_t pods = host_.pods();
  while (running_ < pods * model_.slots && !waiting_.empty()) {
    const std::uint32_t slot = waiting_.front();
    waiting_.pop_front();
    const std::uint32_t choices = model_.longest - model_.shortest + 1;
    slots_[slot].length = model_.shortest + static_cast<std::uint32_t>(random_.uniform() * choices);
    finishing_[(iteration_ + slots_[slot].length - 1) % finishing_.size()].push_back(slot);
    admitted_.push_back(slot);
    ++running_;
  }
  const double admitted = static_cast<double>(admitted_.size()) * host_.prefill();
  const double mean =
      model_.iteration(static_cast<double>(running_) / pods, admitted / pods, time) / host_.speed();
  const double kept = std::exp(-mean / model_.slow_seconds);
  slow_ = kept * slow_ + std::sqrt(1 - kept * kept) * model_.slow_noise * random_.bell();
  iteration_end_ = time + mean * (1 + slow_ + model_.fast_noise * random_.bell());
  iteration_end_ += host_.stalled(time, iteration_end_);
}

void QueueFleet::end_iteration(double time) {
  const double load = static_cast<double>(running_) / (host_.pods() * model_.slots);
  host_.pass(time, load, load >= 1 && !waiting_.empty());
  const std::size_t half = time - static_cast<double>(second_) >= 0.5 ? 1 : 0;
  stats_.reported_tokens[half] += running_;
  stats_.chunks += running_;
  stats_.first_tokens += admitted_.size();
  for (const std::uint32_t slot : admitted_) {
    Slot& request = slots_[slot];
    request.first = time;
    const double ttft = time - request.start;
    ttft_.record(from_seconds(ttft));
    for (std::size_t i = request.limits_missed; i < limits_.size(); ++i) {
      SloCount& count = stats_.slo[limit_index_[i]];
      if (ttft > limits_[i]) {
        ++count.missed;
        ++request.limits_missed;
      } else {
        ++count.met;
      }
    }
  }
  admitted_.clear();
  std::vector<std::uint32_t>& finished = finishing_[iteration_ % finishing_.size()];
  ++iteration_;
  running_ -= static_cast<std::uint32_t>(finished.size());
  for (const std::uint32_t slot : finished) complete(slot, time);
  finished.clear();
  iteration_end_ = kNever;
}

void QueueFleet::complete(std::uint32_t slot, double time) {
  Slot& request = slots_[slot];
  e2e_.record(from_seconds(time - request.start));
  if (request.length > 1) tpot_.record(from_seconds((time - request.first) / (request.length - 1)));
  ++stats_.outcomes[static_cast<std::size_t>(Outcome::kSuccess)];
  if (request.limits_missed == 0) ++stats_.joint_good;
  stats_.usage_tokens += request.length;
  stats_.usage_chunks += request.length;
  request.failures = 0;
  request.turn = (request.turn + 1) % model_.turns;
  if (model_.think == 0 || request.turn == 0) return end_slot_or_restart(slot, time);
  ++thinking_;
  wake_ups_.push({time + model_.think * (0.5 + random_.uniform()), slot, true});
}

void QueueFleet::miss_overdue(double time) {
  const auto overdue = [&](const auto& slots) {
    for (const std::uint32_t slot : slots) {
      Slot& request = slots_[slot];
      if (request.start + limits_.front() > time) return;  // FIFO: the rest is younger
      while (request.limits_missed < limits_.size() &&
             request.start + limits_[request.limits_missed] <= time) {
        ++stats_.slo[limit_index_[request.limits_missed++]].missed;
      }
    }
  };
  if (limits_.empty()) return;
  overdue(admitted_);
  overdue(waiting_);
}

void QueueFleet::end_second() {
  const double end = static_cast<double>(second_ + 1);
  integrate(end);
  miss_overdue(end);
  stats_.ttft = ttft_.drain();
  stats_.tpot = tpot_.drain();
  stats_.e2e = e2e_.drain();
  SecondSnapshot part{.second = second_};
  part.series[SeriesKey{.cell = level_.cell, .epoch = level_.epoch}] = std::move(stats_);
  stats_ = SeriesStats();
  stats_.slo.resize(limits_.size());
  BatchArrived arrived{.agent = 0,
                       .batch = {.complete_through = second_,
                                 .in_flight = in_system(),
                                 .backing_off = backing_off_,
                                 .active_slots = active_}};
  arrived.batch.seconds.push_back(std::move(part));
  events_.push_back(std::move(arrived));
  quiet_ = active_ == 0;
  ++second_;
}

}  // namespace kneepoint::method
