#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// Warm-up and window of all steps of a ramp; nullopt where its steps are bounded by requests, whose time the
/// host decides. Start-up, the stagger of added slots and the drain at the end come on top: about 1 s a step.
std::optional<Nanos> planned_time(const Ramp& ramp);

/// A ramp's length as far as it can be foreseen; of a search, as searches usually are (docs/method.md, the
/// table of searches).
struct Forecast {
  std::size_t fewest_steps = 0, most_steps = 0;
  Nanos least{0}, most{0};  ///< Start-up and stagger included; 0 where the host decides.
};
Forecast forecast(const Ramp& ramp);

/// Behind the number of a search's step: how many there usually are, and what comes after them.
std::string of_a_search(const Ramp& ramp, std::size_t step);

/// The ramp as each target goes through it: where targets take turns every load comes twice, and nothing is
/// confirmed.
Ramp ramp_as_run(const Plan& plan, const Scenario& scenario);

/// What confirming takes at least, after the steps of `ramp`; 0 where it does not confirm.
Nanos least_confirmation(const Ramp& ramp);

/// What makes figures weaker or a run less safe than its author may think, one sentence each, in plan order.
std::vector<std::string> plan_warnings(const Plan& plan);

/// The plan as understood, for people: targets, cells in running order with their steps and limits, how long
/// it takes, and the warnings. Prompts are counted, never printed. Ends with a line break.
std::string describe_plan(const Plan& plan);

}  // namespace kneepoint::coordinator
