#pragma once

#include <vector>

#include "coordinator/results/model.h"

/// Which count of output tokens to believe: the client's own witnesses (measure/token_count.h), the engine's
/// counter, and what the same run says in other rows. docs/method.md has the rules.
namespace kneepoint::coordinator {

/// Confirms, corrects or withdraws the token figures of a result's rows, telemetry included. Where the
/// witnesses of any valid row differ and none is confirmed, no row has a figure of tokens, only its range:
/// what is found from the rows is then found by requests. Rows whose count is refuted, or that do not tell
/// how many tokens came after the first chunk, lose their TPOT.
void settle_token_counts(std::vector<Step>& steps, std::vector<Step>& after);

/// What that does to the trust in the result.
void judge_token_counts(const ScenarioResult& result, Verdict& verdict);

}  // namespace kneepoint::coordinator
