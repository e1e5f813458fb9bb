// How a fleet comes together: the barrier, the clocks, and the assignment that everyone gets.
#include <fmt/format.h>

#include <algorithm>

#include "common/dataset.h"
#include "common/wire.h"
#include "coordinator/fleet/barrier.h"
#include "coordinator/fleet/member.h"

namespace kneepoint::coordinator {
namespace {

using namespace std::chrono_literals;

/// The zero lies so far ahead of the assignments, which thus arrive before it.
constexpr Nanos kZeroAhead = 500ms;

}  // namespace

Result<void> Fleet::assemble(Quorum quorum, Nanos timeout, const Check& check,
                             const std::function<void(const AgentInfo&, std::size_t)>& on_joined) {
  const Barrier barrier{.expected = quorum.expected,
                        .least = quorum.least.value_or(quorum.expected),
                        .deadline = clock_.now() + timeout};
  on_joined_ = on_joined;
  expected_ = quorum.expected;
  const auto present = [&] {
    std::vector<std::string> names;
    for (const auto& member : members_) names.push_back(member->info.name);
    std::sort(names.begin(), names.end());
    return names;
  };
  for (;;) {
    const auto state = barrier.at(members_.size(), clock_.now());
    if (state == Barrier::State::kOpen) break;
    if (state == Barrier::State::kMissed) return barrier.missed(present());
    if (check) {
      if (auto checked = check(); !checked) return checked;
    }
    pump(std::min(barrier.deadline, clock_.now() + kCheckInterval));
  }
  std::sort(members_.begin(), members_.end(),
            [](const auto& a, const auto& b) { return a->info.name < b->info.name; });
  for (std::uint32_t number = 0; number < members_.size(); ++number) members_[number]->number = number;
  phase_ = Phase::kAssembled;
  on_joined_ = nullptr;
  return {};
}

Result<void> Fleet::check_members() const {
  for (const auto& member : members_) {
    if (!member->late && !member->problem.empty())
      return Error{fmt::format("agent {}: {}", member->info.name, member->problem)};
  }
  return {};
}

Result<void> Fleet::hold(Nanos patience) {
  const MonoTime deadline = clock_.now() + patience;
  while (pump(deadline)) {
  }
  find_absent();
  return check_members();
}

Result<void> Fleet::wait_for_all(bool (*ready)(const Member&), const char* what, const Check& check) {
  const MonoTime begin = clock_.now();
  for (;;) {
    // Datasets take their time; what counts is that they move.
    const MonoTime deadline = std::max(begin, served_at_) + kStartLimit;
    if (auto well = check_members(); !well) return well;
    const Member* behind = nullptr;
    for (const auto& member : members_) {
      if (!member->late && !ready(*member)) behind = member.get();
    }
    if (behind == nullptr) return {};
    if (check) {
      if (auto checked = check(); !checked) return checked;
    }
    if (clock_.now() >= deadline) {
      return Error{
          fmt::format("agent {} did not {} within {:g} s", behind->info.name, what, to_seconds(kStartLimit))};
    }
    pump(std::min(deadline, clock_.now() + kCheckInterval));
    find_absent();
  }
}

Result<void> Fleet::measure_clocks(const Check& check) {
  for (const auto& member : members_) {
    member->probing = true;
    if (member->link) member->probe(clock_.now());
  }
  auto probed =
      wait_for_all([](const Member& m) { return m.samples.size() >= kProbes; }, "answer clock probes", check);
  for (const auto& member : members_) {
    member->probing = false;
    if (!probed) continue;
    if (!member->settle_clock())
      return Error{fmt::format("agent {} has a clock that runs backwards", member->info.name)};
  }
  return probed;
}

Result<void> Fleet::start(const Assignment& assignment, const Check& check, Nanos begun) {
  if (auto measured = measure_clocks(check); !measured) return measured;
  zero_ = clock_.now() + kZeroAhead - begun;
  run_id_ = assignment.run_id;
  cells_ = assignment.cells.size();
  phase_ = Phase::kRunning;
  for (const auto& [hash, dataset] : assignment.datasets) datasets_[hash] = to_bytes(*dataset);
  assignment_ = std::make_unique<v1::CoordinatorMessage>();
  to_wire(assignment, *assignment_->mutable_assignment());
  for (const auto& member : members_) send_assignment(*member);
  return wait_for_all([](const Member& m) { return m.info.membership.state() != MemberState::kJoining; },
                      "make itself ready", check);
}

void Fleet::send_assignment(Member& member) {
  if (!member.link || !assignment_) return;
  const MonoTime its_zero = zero_ + member.info.clock.offset;
  assignment_->mutable_assignment()->set_zero_nanos(its_zero.time_since_epoch().count());
  member.link->send(*assignment_);
}

}  // namespace kneepoint::coordinator
