#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "coordinator/results/model.h"

/// Why a row is invalid, or what weakens it: clauses. Times are in seconds, ratios of 1.
namespace kneepoint::coordinator::words {

std::string cut_short();
std::string lost_an_agent();
std::string seconds_missing();
/// @param unanswered Mean number in flight, where none of them got an answer.
std::string nothing_completed(std::optional<double> unanswered);
std::string still_settling();
std::string too_short_for_intervals();
std::string longest_window_not_enough();

/// Of an open loop.
std::string started_backlog(std::uint64_t started, std::uint64_t due);
std::string ended_backlog(std::uint64_t ended, std::uint64_t due);
std::string waited_for_others(std::uint32_t max_in_flight, double backlog);
std::string rate_not_reached(std::uint64_t started, std::uint64_t due);
std::string came_faster_than_they_ended(double growth, bool moving);
/// @param moved Of the number of sessions that think, between the halves of the window.
std::string sessions_still_come(double moved);

/// @param backing_off Mean number of slots that waited after failures, where it tells.
std::string too_few_in_flight(double achieved, std::uint32_t asked, std::optional<double> backing_off);
/// @param waiting Of `asked`: that were taken and got no answer. @param outside That wait for a connection.
std::string hanging(std::uint32_t asked, double waiting, double outside, double window);
std::string law_broken(double error, double tolerance);
std::string gaps_broken(double error, double tolerance);

std::string flushed(double events, double period);
std::string flushed_elsewhere(std::size_t rows, std::size_t all);
std::string ends_blurred(double decoding);
std::string out_of_a_cache(double ratio);
std::string ends_late(double tail);
std::string sent_again(std::uint64_t reconnects, std::uint64_t started);
std::string unanswered(std::uint64_t requests);
std::string in_one_piece(double ratio);
/// @param gap Seconds from the first chunk to the second, on average.
std::string first_comes_alone(double ratio, double gap);
std::string stopped_early(std::uint64_t answers);
std::string prompts_off(double achieved, double asked);
std::string more_chunks_than_tokens(std::uint64_t chunks, std::uint64_t tokens);
/// "12 of 40 requests got an answer without any content"
std::string ended_oddly(Outcome outcome, std::uint64_t count, std::uint64_t all);
std::string pinned(std::size_t replicas, double skew, bool uneven);

std::string read_late_together(double ratio);
std::string thread_was_busy(double ratio);
std::string left_late(double lag, double ttft);
std::string unstamped(double ratio);
std::string unstamped_and_late(double lag);
std::string lag_corrected(double lag, double scale);
std::string drifts_within(double trend);

/// "1.3 % of the segments sent had to be sent again"; empty where nothing was counted.
std::string packet_loss(const NetworkSummary& network);
std::string lossy(const NetworkSummary& network);

std::string page_times_off();
std::string streams_in_step();
std::string counters_began_anew(std::int64_t second);

/// The reason of a row that goes with a flag of what lies between us and the host; empty where it has none.
std::string reason_with(const Step& row, std::string_view flag);

/// Notes of a row.
std::string proof_with(std::size_t agents);
std::string measured_again();
std::string lost_and_run_again();
/// @param throughput At its usual speed. @param unit "tok/s".
std::string host_speed(double ratio, double throughput, const char* unit);

}  // namespace kneepoint::coordinator::words
