
#include <algorithm>

#include "coordinator/verdict/causes/scene.h"
#include "coordinator/words/causes.h"

namespace kneepoint::coordinator {
namespace {

using Limits = AttributionLimits;

/// A batch that takes no more: where, and what it is compared with.
struct FullBatch {
  const ObservedStep* at;
  const ObservedStep*
      earlier;  ///< With as many running at clearly less load; null: the batch is seen full at one.
  double running, waiting;
};

/// Full all the time, and not only now and then, as where prefill or the cache hold requests back.
bool at_its_cap(const Scene& scene, const ObservedStep& o, double share) {
  return scene.batch_fill(o).value_or(0) >= share;
}

/// The last step of clearly less load with as many running and fewer waiting.
const ObservedStep* flat_since(const Scene& scene, const ObservedStep& o) {
  const ObservedStep* found = nullptr;
  for (const ObservedStep& earlier : scene.steps.all) {
    const auto ran = Scene::running(earlier);
    if (!earlier.step->valid || !ran || Limits::kApart * earlier.step->load() > o.step->load()) continue;
    const bool flat = *Scene::running(o) <= *ran * (1 + Limits::kRunningGrowth);
    if (flat && Scene::waiting(earlier).value_or(0) < *Scene::waiting(o)) found = &earlier;
  }
  return found;
}

std::optional<FullBatch> full_at(const Scene& scene, const ObservedStep& o) {
  const auto running = Scene::running(o);
  if (!running || !o.step->valid || !Scene::waits(o)) return std::nullopt;
  // A row in which the host moved shows the host's movement first.
  if (!scene.knee() && o.step->has_flag("DRIFTING")) return std::nullopt;
  const double waiting = *Scene::waiting(o);
  const ObservedStep* earlier = flat_since(scene, o);
  if (earlier != nullptr && at_its_cap(scene, o, Limits::kAtCap))
    return FullBatch{&o, earlier, *running, waiting};
  if (waiting >= Limits::kLongQueue * Scene::held(*o.step) && at_its_cap(scene, o, Limits::kSurelyAtCap))
    return FullBatch{&o, nullptr, *running, waiting};
  return std::nullopt;
}

/// The judged step shows a limit plainest; a knee that lies just above the slots shows theirs further up
/// only.
std::optional<FullBatch> find_full_batch(const Scene& scene) {
  if (scene.steps.judged.step == nullptr) return std::nullopt;
  if (auto found = full_at(scene, scene.steps.judged)) return found;
  for (const ObservedStep& o : scene.steps.beyond) {
    auto found = full_at(scene, o);
    // The batch was full at a load near the knee: that is what the queue further up tells.
    if (found && found->earlier != nullptr) return found;
  }
  return std::nullopt;
}

/// A batch that is full at a load past the knee only: that is worth a word, and explains no knee.
std::optional<FullBatch> full_further_up(const Scene& scene) {
  for (const ObservedStep& o : scene.steps.beyond) {
    if (const auto found = full_at(scene, o)) return found;
  }
  return std::nullopt;
}

/// Where the batch is full first.
const Step& first_full(const Scene& scene, const FullBatch& full) {
  for (const ObservedStep& o : scene.steps.beyond) {
    if (Scene::running(o) && Scene::waits(o) && at_its_cap(scene, o, Limits::kAtCap)) return *o.step;
  }
  return *full.at->step;
}

std::string sentence_of(const Scene& scene, const FullBatch& full) {
  words::BatchFull batch{.running = full.running, .waiting = full.waiting};
  const ObservedStep* before = full.earlier != nullptr ? full.earlier : &scene.steps.before;
  if (before->step != nullptr && before->step != full.at->step) {
    if (const auto earlier = Scene::running(*before)) {
      batch.earlier = before->step;
      batch.running_earlier = *earlier;
    }
  }
  return words::batch_full(*full.at->step, batch, *Scene::engine(*full.at));
}

/// Without the server's word a hard knee still tells: past it TTFT grows and decoding does not slow down.
std::optional<Cause> by_client(const Scene& scene) {
  const ObservedSteps& steps = scene.steps;
  if (scene.input.knee_kind != "hard" || steps.past.step == nullptr || steps.knee.step == steps.past.step)
    return std::nullopt;
  return Cause{"queue_slots", words::waits_for_a_slot(*steps.knee.step, *steps.past.step)};
}

}  // namespace

std::optional<Cause> queue_slots_cause(Scene& scene) {
  const ObservedStep& judged = scene.steps.judged;
  const bool no_page = judged.telemetry == nullptr ||
                       (!judged.telemetry->running_mean && judged.telemetry->page.state.empty());
  if (no_page) return by_client(scene);
  const auto full = find_full_batch(scene);
  if (!full) {
    if (const auto far = full_further_up(scene))
      scene.asides.push_back(words::slots_full_past_knee(sentence_of(scene, *far)));
    return std::nullopt;
  }
  // One load tells of no batch that stays as it is while the load grows.
  if (!scene.knee() && scene.steps.lowest.step->load() == judged.step->load()) return std::nullopt;
  const auto knee = scene.knee_at_most();
  if (knee && judged.step->load_kind() == LoadKind::kRequests &&
      *knee < Limits::kKneeOfSlots * scene.most_running()) {
    // Throughput had stopped growing before the slots were full.
    scene.asides.push_back(words::slots_full_later(first_full(scene, *full), sentence_of(scene, *full)));
    return std::nullopt;
  }
  return Cause{"queue_slots", sentence_of(scene, *full)};
}

}  // namespace kneepoint::coordinator
