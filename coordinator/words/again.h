#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What was measured again, and what that says of what was measured before. Times are in seconds, ratios are
/// of throughput.
namespace kneepoint::coordinator::words {

/// "throughput -0.3 %, TTFT p50 +1.2 %": a clause.
std::string row_change(double throughput, std::optional<double> ttft);
/// "throughput at 32 requests in flight has moved by +4.1 % in 95.0 s": a clause. @param load As it is told.
std::string moved_at(const std::string& load, double ratio, double within);

/// "from 16 to 32 throughput changed by +2.1 % on average (+1.0 to +3.2 %)": a clause. Values are over
/// before.
struct RatioAgain {
  double from = 0, to = 0;
  std::size_t looks = 0;
  double value = 1, low = 1, high = 1;
};
std::string ratio_again(const RatioAgain& ratio);

/// A confirmation. @param ratios Clauses of ratio_again, joined; @param seen What seen_again() gave.
std::string measured_once();
std::string seen_again(std::size_t times, const std::string& ratios);
std::string contradicted(const std::string& seen, double low, std::optional<double> high);
std::string not_enough(const std::string& seen);
std::string moved_away(const std::string& seen);
std::string confirmed(const std::string& seen);

/// A proof with another number of agents: clauses, and the whole.
std::string proof_not_joined(std::size_t agents, std::size_t joined);
std::string proof_undecided(std::size_t agents, const std::string& why);
std::string proof_seen(std::size_t agents, const std::string& change);
std::string proof_note(bool differs, const std::string& change);
std::string proof_not_measured();
enum class Proof { kUndecided, kSurvives, kHostDiffers, kHostMoved, kAgentsDiffer };
std::string proof(Proof proof, std::uint32_t concurrency, const std::vector<std::string>& parts);

/// The way back down: notes of rows, and sentences.
std::string row_is_invalid_here();
std::string descending();
std::string descending_not_comparable(const std::string& why);
std::string descending_alike();
/// @param after Absent: not within the step.
std::string descending_recovered(std::optional<double> after);
std::string descending_changed(std::uint32_t concurrency, const std::string& change);
std::string descent_not_measured();
std::string descent_not_comparable();
std::string no_hysteresis(std::uint32_t top, std::size_t steps);
std::string hysteresis(std::uint32_t top, const std::vector<std::string>& changed, std::size_t compared);
std::string back_below(std::uint32_t from, std::uint32_t to, std::optional<double> after);
std::string back_at_base(std::uint32_t base, std::optional<double> after);

/// Of a search, whose table shows one row of each load: a sentence.
std::string rows_shown(std::size_t shown, std::size_t all, std::size_t scouts);

/// Why later rows refute a row: clauses.
std::string part_of_a_minute();
std::string refused_later();
/// @param lasting "310 tok/s"
std::string lived_on_allowance(const std::string& lasting);
std::string moved_within();
std::string other_at_light_load(double ratio);
std::string host_changed_after(double ratio, double from);
std::string contradicted_later(const std::string& ratios);
std::string host_moved_on();

}  // namespace kneepoint::coordinator::words
