#pragma once

#include <cstddef>
#include <optional>
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
/// Of one pod's own page or one rank's own series, and of a second witness (a clause that begins with "; ").
/// @param time "TPOT"
std::string pod_is_slower(const PodFigures& pod, std::size_t others, const char* time, double own,
                          double of_others, const Step& row, const std::string& witness);
std::string so_is_replica(const Share& replica, const char* time, double p50);
std::string mean_here_is_that_of_pages(double here, double of_pages);
std::string pods_get_unequal_parts(const Step& row, const PodFigures& most, const PodFigures& least);
/// @param first Of those that get none. @param idle How many these are. @param waiting Requests, elsewhere.
std::string pods_get_no_requests(const Step& row, const PodFigures& first, std::size_t idle, double waiting);
std::string streams_run_in_step(const std::vector<const Step*>& steps);

}  // namespace kneepoint::coordinator::words
