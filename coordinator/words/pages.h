#pragma once

#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// What a server's metrics page is worth, and what it shows that a reader has to know: clauses.
namespace kneepoint::coordinator::words {

/// "the server's page shows 48 % of our load"; empty for a page that is as it should be.
std::string page(const PageCheck& page);
/// @param steps How many rows have such a page, of `all`. @param witness Whether bottlenecks may rest on it.
std::string page_at(const Step& plainest, std::size_t steps, std::size_t all, bool witness);
std::string engine_counts_otherwise(const Step& step);
std::string first_content_before_engine(const Step& step);
/// @param hits Of the prompts of the row `most`. @param by_page What the page says of them, where it differs.
/// @param fewest Of the row `least`, where that is surely less. Ratios.
std::string prefix_cache(const Step& most, double hits, std::optional<double> by_page, const Step& least,
                         std::optional<double> fewest);
/// Of two rows whose pages tell what speculative decoding accepted.
std::string fewer_drafts_accepted(const Step& lowest, const Step& highest);
std::string streams_run_in_step(const std::vector<const Step*>& steps);

}  // namespace kneepoint::coordinator::words
