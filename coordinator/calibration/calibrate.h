#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/plan.h"

namespace kneepoint::coordinator {

/// Fits tokens = overhead + words · tokens_per_word through the mean lengths of two sizes of text.
Calibration fit_calibration(double few_words, double few_tokens, double many_words, double many_tokens);

struct CalibrationOptions {
  std::string run_id;                                 ///< Whose requests these are, for their User-Agent.
  std::stop_token stop;                               ///< Ends it early: all keep one token a word.
  Nanos limit = std::chrono::seconds(30);             ///< For each target and system prompt.
  std::function<void(const std::string& line)> tell;  ///< Hears of each, what was found or why not.
};

/// Finds out, for every cell that makes its texts, what a word weighs on its target: from the host's
/// `/tokenize` where it has one, else from the `usage.prompt_tokens` of four small requests; of a described
/// dialect from the counts that its description points to. Asks each target
/// once for each system prompt, before any load, all targets at the same time; blocks. A target that cannot
/// tell keeps one token a word: the report shows what was achieved.
void calibrate(const Plan& plan, std::vector<Cell>& cells, const CalibrationOptions& options);

}  // namespace kneepoint::coordinator
