#include "coordinator/words/tokens.h"

#include <fmt/format.h>

#include "coordinator/results/units.h"

namespace kneepoint::coordinator::words {
namespace {

/// "usage 553 tok/s, chunks 316 tok/s"
std::string counted_figures(const TokenCount& count) {
  std::string text;
  for (const TokenWitness& w : count.witnesses) {
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", w.name, format_figure(w.output_tokens_per_second));
  }
  text += " tok/s";
  return count.suspicion.empty() ? text : fmt::format("{} ({})", text, count.suspicion);
}

}  // namespace

std::string exceeds_by_prompt() {
  return "it exceeds the chunks by just the prompt's tokens";
}

std::string exceeds_by_reasoning() {
  return "it exceeds the chunks by just the reasoning, which seems to be counted twice";
}

std::string as_long_as_might_be() {
  return "every answer is counted as long as it might be, and none says that it ended for that";
}

std::string corrected_count(const TokenCount& count, const Correction& correction) {
  return fmt::format("{} not the output tokens: {}; they are taken from {}, which {} confirms",
                     correction.of_usage ? "the server's usage is" : "chunks are", counted_figures(count),
                     correction.in_chunks ? "the chunks" : "the length that was asked for",
                     correction.by_engine ? "the engine's counter" : "the length that was asked for");
}

std::string counts_differ(const TokenCount& count) {
  return fmt::format("counts of the output tokens differ: {}", counted_figures(count));
}

std::string nothing_confirms(const TokenCount& count, bool has_usage) {
  return fmt::format("{}, and nothing confirms it: {}",
                     has_usage ? "the server counts more tokens than chunks came"
                               : "the server does not count its tokens, each chunk is taken for one",
                     counted_figures(count));
}

std::string count_not_known(const TokenCount& count, const std::string& label) {
  return fmt::format(
      "how many tokens there were is not known: at {} {}. Figures in tokens are given as a range, and the "
      "rest "
      "is found by requests",
      label, counted_figures(count));
}

std::string tpot_of_refuted_count() {
  return "TPOT is left out, because it is made of a count that is refuted";
}

std::string tpot_of_unknown_first_chunk(double tokens_per_chunk) {
  return fmt::format(
      "TPOT is left out: the server counts {:.1f} tokens for each chunk that came and does not say how many "
      "came before the first, as hidden reasoning does",
      tokens_per_chunk);
}

}  // namespace kneepoint::coordinator::words
