#include "coordinator/calibration/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "common/secrets.h"
#include "common/words.h"
#include "coordinator/calibration/ask_targets.h"
#include "coordinator/calibration/token_probe.h"

namespace kneepoint::coordinator {
namespace {

// Two sizes give slope and offset; two texts of each halve the chance of odd words. Small enough for a
// context of 2,048 tokens.
constexpr std::size_t kFewWords = 64;
constexpr std::size_t kManyWords = 1024;
constexpr std::uint64_t kTexts = 2;

using Ask = Result<double> (TokenProbe::*)(const std::string&);

/// The mean tokens of texts of `words` words.
Result<double> mean_tokens(TokenProbe& probe, Ask ask, std::size_t words, std::uint64_t seed) {
  double sum = 0;
  for (std::uint64_t i = 0; i < kTexts; ++i) {
    std::string text;
    append_words(text, mix_bits(seed ^ (words + i)), words);
    const auto tokens = (probe.*ask)(text);
    if (!tokens) return tokens.error();
    sum += *tokens;
  }
  return sum / static_cast<double>(kTexts);
}

Result<Calibration> weigh(TokenProbe& probe, Ask ask, Calibration::Source source, std::uint64_t seed) {
  const auto few = mean_tokens(probe, ask, kFewWords, seed);
  if (!few) return few.error();
  const auto many = mean_tokens(probe, ask, kManyWords, seed);
  if (!many) return many.error();
  if (*many <= *few) return Error{"it counts a longer text as a shorter one"};
  Calibration found = fit_calibration(kFewWords, *few, kManyWords, *many);
  found.source = source;
  return found;
}

Result<Calibration> weigh_target(const Target& target, const std::string& system, std::uint64_t seed,
                                 const CalibrationOptions& options) {
  const auto secret = resolve_secret(target.auth);
  if (!secret) return secret.error();
  TokenProbe probe(target, *secret, system,
                   {.stop = options.stop, .limit = options.limit, .run_id = options.run_id});
  if (target.dialect) return weigh(probe, &TokenProbe::usage, Calibration::Source::kUsage, seed);
  auto found = weigh(probe, &TokenProbe::tokenize, Calibration::Source::kTokenize, seed);
  // A host that did not answer at all is not asked twice.
  if (!found && probe.answered()) found = weigh(probe, &TokenProbe::usage, Calibration::Source::kUsage, seed);
  return found;
}

std::string line_about(const Target& target, const Result<Calibration>& found) {
  if (!found) {
    return fmt::format("{}: not calibrated, one token a word is assumed: {}", target.name,
                       found.error().message);
  }
  return fmt::format("{}: calibrated by {}: {:.3f} tokens a word, {:.0f} besides", target.name,
                     found->source == Calibration::Source::kTokenize ? "/tokenize" : "usage",
                     found->tokens_per_word, found->overhead_tokens);
}

}  // namespace

Calibration fit_calibration(double few_words, double few_tokens, double many_words, double many_tokens) {
  const double slope = std::clamp((many_tokens - few_tokens) / (many_words - few_words), 0.1, 10.0);
  return {.tokens_per_word = slope, .overhead_tokens = std::max(0.0, few_tokens - slope * few_words)};
}

void calibrate(const Plan& plan, std::vector<Cell>& cells, const CalibrationOptions& options) {
  std::set<Question> questions;
  for (const Cell& cell : cells) {
    if (cell.workload.makes_text()) questions.emplace(cell.target, cell.workload.system.value_or(""));
  }
  const auto answers =
      ask_targets(plan, questions, options.stop, [&](const Target& target, const std::string& system) {
        return weigh_target(target, system, plan.seed, options);
      });
  if (options.stop.stop_requested()) return;
  for (const auto& [question, found] : answers) {
    if (options.tell) options.tell(line_about(plan.targets[question.first], found));
  }
  for (Cell& cell : cells) {
    if (!cell.workload.makes_text()) continue;
    const auto& found = answers.at({cell.target, cell.workload.system.value_or("")});
    cell.calibration = found ? *found : Calibration();
  }
}

}  // namespace kneepoint::coordinator
