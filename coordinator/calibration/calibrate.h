#pragma once

#include <string>
#include <vector>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// Fits tokens = overhead + words · tokens_per_word through the mean lengths of two sizes of text.
Calibration fit_calibration(double few_words, double few_tokens, double many_words, double many_tokens);

/// Finds out, for every cell that makes its texts, what a word weighs on its target: from the host's
/// `/tokenize` where it has one, else from the `usage.prompt_tokens` of four small requests. Asks each target
/// once for each system prompt, before any load; blocks for seconds at worst. A target that cannot tell keeps
/// one token a word: the report shows what was achieved.
/// @returns one line for each, what was found or why not.
std::vector<std::string> calibrate(const Plan& plan, std::vector<Cell>& cells);

}  // namespace kneepoint::coordinator
