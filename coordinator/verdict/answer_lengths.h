#pragma once

#include "coordinator/results/model.h"

namespace kneepoint::coordinator {

/// An ending is no answer, and a short text no short answer: where answers get much shorter as the load
/// grows, or begin to end early, something else than the model answers some of them. A reservation.
void judge_answer_lengths(const ScenarioResult& result, Verdict& verdict);

/// A gateway that hands requests on to another model when the one that was asked for is busy: answers that
/// name another one than those of light load do. A reservation.
void judge_answer_models(const ScenarioResult& result, Verdict& verdict);

}  // namespace kneepoint::coordinator
