#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/results/model.h"

/// What a reader has to know before relying on a result, or on a run: clauses. What to do about each is in
/// words/remedies.h. Times are in seconds, ratios of 1.
namespace kneepoint::coordinator::words {

/// "at 32: …"
std::string at_row(const Step& row, const std::string& why);
/// "at 32: … (and so at 64 and 128)"
std::string at_rows(const Step& first, const std::string& why, const std::vector<std::string>& others);
/// "at 32: … (3 of 5 rows)"
std::string at_row_of(const Step& row, const std::string& why, std::size_t rows, std::size_t all);
/// "in chat on host: …"
std::string of_result(const ScenarioResult& result, const std::string& text);

std::string row_is_invalid();
std::string no_valid_step();
std::string nothing_stands();
std::string invalid_bins(std::size_t invalid, std::size_t all);
std::string short_windows(std::size_t count, std::size_t all);
std::string survey();
std::string rows_do_not_agree();
/// @param scatter Of throughput between windows at one load, where that is why.
std::string imprecise(const Interval& between, std::optional<double> scatter);
std::string not_saturated();

/// Of a run.
std::string interrupted();
std::string interrupted_without_end(double recorded_seconds);
std::string stopped_by(const std::string& reason);
std::string agents_lost(std::size_t agents, std::size_t lost, std::size_t returned, std::size_t rows);
std::string not_measured(std::size_t missing, std::size_t scenarios);
std::string resumed(const Resumption& resumption);
std::string clocks_differ(double seconds);

/// One replica that does worse than the others.
std::string replica_fails(const Share& share, double failed_ratio, const Step& row);
/// @param latency "TPOT"
std::string replica_is_slower(const Share& share, const char* latency, double own, double others,
                              const Step& row);

/// @param others The share of answers that name another model than those at `lowest` do.
std::string other_models(const Step& most, double others, const Step& lowest);

/// Throughput for each request in flight, at two loads. @param unit "tok/s".
std::string light_load_slow(double load, double for_each, double more_load, double for_each_there,
                            const char* unit);

/// Answers that get shorter, or end early, with more load. @param early Ratios of answers that ended early.
/// @param tokens_there Of an answer at `lowest`.
std::string answers_shrink(const Step& shortest, const Step& lowest, double tokens_there);
std::string answers_end_early(const Step& earliest, double early, const Step& lowest, double early_there);

/// Why a load is not decided though its requests are many.
std::string missed_in_bursts(const Step& step, std::uint64_t missed, std::uint64_t all);

}  // namespace kneepoint::coordinator::words
