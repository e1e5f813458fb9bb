#include "coordinator/verdict/influence.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "coordinator/measure/repeat.h"
#include "coordinator/measure/validity.h"
#include "coordinator/results/throughput.h"
#include "coordinator/verdict/saturation.h"

namespace kneepoint::coordinator {
namespace {

/// What a row that is made up is known to, relatively.
constexpr double kStandardError = 0.025;
/// Rows need not lie on a curve that is strictly concave.
constexpr double kSlack = 1.05;
/// An answer that moves by less has not been affected.
constexpr double kMoves = 0.05;
/// What lies so many times past the answer does not decide it.
constexpr double kReach = 2;

/// The valid rows on both sides of a load.
struct Neighbours {
  const Step* next_below = nullptr;
  const Step* below = nullptr;
  const Step* above = nullptr;
  const Step* next_above = nullptr;
};

Neighbours neighbours_of(const std::vector<Step>& steps, double load) {
  Neighbours found;
  std::vector<const Step*> valid;
  for (const Step& step : steps) {
    if (step.valid && throughput_of(step).value.value_or(0) > 0) valid.push_back(&step);
  }
  std::stable_sort(valid.begin(), valid.end(),
                   [](const Step* a, const Step* b) { return a->load() < b->load(); });
  for (const Step* step : valid) {
    if (step->load() < load) {
      if (found.below != nullptr && step->load() > found.below->load()) found.next_below = found.below;
      found.below = step;
    } else if (found.above == nullptr) {
      found.above = step;
    } else if (found.next_above == nullptr && step->load() > found.above->load()) {
      found.next_above = step;
    }
  }
  return found;
}

double x_of(const Step* step) {
  return *throughput_of(*step).value;
}

/// No request is served faster because there are more of them, so X grows at most as N does. What more load
/// brings becomes less: X rises here no steeper than below, and no less steeply than above.
std::optional<double> most(const Neighbours& near, double load) {
  std::optional<double> bound;
  if (near.below != nullptr) bound = x_of(near.below) * load / near.below->load();
  if (near.below != nullptr && near.next_below != nullptr) {
    const double slope =
        (x_of(near.below) - x_of(near.next_below)) / (near.below->load() - near.next_below->load());
    bound = std::min(*bound, x_of(near.below) + std::max(0.0, slope) * (load - near.below->load()));
  }
  if (near.above != nullptr && near.next_above != nullptr && x_of(near.next_above) > x_of(near.above)) {
    const double slope =
        (x_of(near.next_above) - x_of(near.above)) / (near.next_above->load() - near.above->load());
    const double steep = x_of(near.above) - slope * (near.above->load() - load);
    bound = std::min(bound.value_or(steep), steep);
  }
  if (!bound && near.above != nullptr) bound = x_of(near.above);
  if (bound) *bound *= kSlack;
  return bound;
}

/// No request is slower because there are fewer of them, and a curve of one peak has no dip.
std::optional<double> least(const Neighbours& near, double load) {
  std::optional<double> bound;
  if (near.above != nullptr) bound = x_of(near.above) * load / near.above->load();
  if (near.below != nullptr) {
    const double flat = x_of(near.below);
    bound = near.above != nullptr ? std::max(*bound, std::min(flat, x_of(near.above))) : flat;
  }
  if (bound) *bound /= kSlack;
  return bound;
}

void pretend(Step& step, double throughput) {
  Estimate& estimate =
      step.output_tokens_per_second.value ? step.output_tokens_per_second : step.requests_per_second;
  const double error = kStandardError * throughput;
  estimate = {throughput, Interval{throughput - 2 * error, throughput + 2 * error}, error};
  step.valid = true;
}

bool near(double a, double b) {
  return std::abs(a - b) <= kMoves * std::max(a, b);
}

/// Whether the answer is still the same.
bool stays(const Saturation& claimed, const Saturation& then) {
  if (claimed.concurrency) return then.concurrency && near(*claimed.concurrency, *then.concurrency);
  if (claimed.ci95)
    return then.ci95 && near(claimed.ci95->low, then.ci95->low) && near(claimed.ci95->high, then.ci95->high);
  return !then.concurrency && !then.ci95;
}

/// Whether a limit may hold or fail at a load that was not measured validly: between the highest that was
/// seen to meet it and the lowest that was seen to break it.
bool within_bracket(const SloResult& slo, double load) {
  const auto open = [&](const SloCriterion& criterion) {
    return criterion.ci95 && criterion.ci95->low < load && load < criterion.ci95->high;
  };
  return std::any_of(slo.criteria.begin(), slo.criteria.end(), open) || (slo.joint && open(*slo.joint));
}

/// The end of what is claimed; absent where no saturation point is.
std::optional<double> high_end(const Saturation& claimed) {
  return claimed.ci95 ? std::optional(claimed.ci95->high) : claimed.concurrency;
}

class Influence {
 public:
  Influence(const ScenarioResult& result, std::uint64_t seed) : result_(result), seed_(seed) {
    // Answers without tokens have no throughput to pretend: those rows take the unit of the others.
    const bool tokens = counts_tokens(result.steps);
    for (std::size_t i = 0; i < result.steps.size(); ++i) {
      const Step& step = result.steps[i];
      const bool again = std::any_of(result.steps.begin(), result.steps.end(), [&](const Step& other) {
        return (other.valid || invalid_by_target_only(other)) && other.load() == step.load();
      });
      if (!step.valid && !again && !step.has_flag(kSuperseded) && !invalid_by_target_only(step))
        doubtful_.push_back(i);
    }
    steps_ = result.steps;
    for (const std::size_t i : doubtful_) {
      if (tokens && !steps_[i].output_tokens_per_second.value) steps_[i].output_tokens_per_second.value = 0;
    }
  }

  std::vector<std::size_t> decisive() const {
    std::vector<std::size_t> found;
    for (const std::size_t i : doubtful_) {
      if (decides(i)) found.push_back(i);
    }
    if (!found.empty()) return found;
    // Each may be harmless alone, and all of them together not.
    std::vector<std::size_t> within;
    std::copy_if(doubtful_.begin(), doubtful_.end(), std::back_inserter(within),
                 [&](std::size_t i) { return within_reach(i); });
    if (within.size() > 1 && (changed_by(within, most) || changed_by(within, least))) return within;
    return found;
  }

 private:
  bool within_reach(std::size_t row) const {
    const auto high = high_end(result_.saturation);
    return !high || result_.steps[row].load() <= kReach * *high;
  }

  bool decides(std::size_t row) const {
    const double load = result_.steps[row].load();
    if (within_bracket(result_.slo, load)) return true;
    if (!within_reach(row)) return false;
    // What was looked for lies above what is known, and so does the row.
    if (!high_end(result_.saturation) && load >= result_.saturation.lower_bound.value_or(0)) return true;
    return changed_by({row}, most) || changed_by({row}, least);
  }

  template <class Extreme>
  bool changed_by(const std::vector<std::size_t>& rows, Extreme extreme) const {
    std::vector<Step> steps = steps_;
    for (const std::size_t i : rows) {
      const auto throughput = extreme(neighbours_of(result_.steps, steps[i].load()), steps[i].load());
      if (!throughput) return true;  // no valid row at all
      pretend(steps[i], *throughput);
    }
    return !stays(result_.saturation, find_saturation(steps, {.seed = seed_}));
  }

  const ScenarioResult& result_;
  std::uint64_t seed_;
  std::vector<Step> steps_;
  std::vector<std::size_t> doubtful_;
};

}  // namespace

std::vector<std::size_t> decisive_invalid_rows(const ScenarioResult& result, std::uint64_t seed) {
  return Influence(result, seed).decisive();
}

}  // namespace kneepoint::coordinator
