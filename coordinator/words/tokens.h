#pragma once

#include <string>

#include "coordinator/results/model.h"

/// Counts of output tokens that differ, or that nothing confirms: clauses.
namespace kneepoint::coordinator::words {

/// What would explain a count that is too high.
std::string exceeds_by_prompt();
std::string exceeds_by_reasoning();
std::string as_long_as_might_be();

/// What was wrong, and what is counted instead.
struct Correction {
  bool of_usage = false;   ///< The server's usage was wrong; else the number of chunks.
  bool in_chunks = false;  ///< Chunks are counted instead; else the length that was asked for.
  bool by_engine = false;  ///< The engine's counter confirms it; else the length that was asked for.
};
std::string corrected_count(const TokenCount& count, const Correction& correction);
std::string counts_differ(const TokenCount& count);
std::string nothing_confirms(const TokenCount& count, bool has_usage);
/// At the row `label`.
std::string count_not_known(const TokenCount& count, const std::string& label);

/// Why there is no TPOT.
std::string tpot_of_refuted_count();
std::string tpot_of_unknown_first_chunk(double tokens_per_chunk);

}  // namespace kneepoint::coordinator::words
