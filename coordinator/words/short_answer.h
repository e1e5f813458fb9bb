#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

/// The answer in a few words, for the end of a run on a terminal and the top of its page: clauses behind a
/// lead. Loads are figures as they are told: "32", of a rate "20/s".
namespace kneepoint::coordinator::words {

/// The leads of the lines.
inline constexpr const char *kOneUser = "One user:", *kYourSlo = "Your SLO:", *kSoak = "Soak:",
                            *kFullAt = "Full at:", *kErrors = "Errors:", *kPlanBy = "Plan by:",
                            *kNext = "Next:";
std::string lead_at(const std::string& load);

/// "first token 18.5 ms, then 109 tok/s"; empty where neither is known.
std::string one_answer(std::optional<double> ttft, std::optional<double> tpot);

/// "TTFT p95 543 ms > 500 ms" @param name As of a criterion: "ttft_p95 of chat". @param figure Where it shows
/// it.
std::string missed(const std::string& name, double limit, std::optional<double> figure);
/// " (TTFT p95 543 ms > 500 ms)"; empty where there are none.
std::string all_missed(const std::vector<std::string>& missed);
/// @param measured_between There are rows between the two that decide nothing.
std::string slo_holds_then_breaks(const std::string& upto, const std::string& at, const std::string& missed,
                                  bool measured_between);
std::string slo_holds_to_the_top(const std::string& upto);
std::string slo_holds_nowhere(const std::string& missed);
/// @param upto Up to which it is known to hold; empty: to none.
std::string slo_breaks_undecided(const std::string& upto, const std::string& at, const std::string& missed);
std::string slo_undecided_above(const std::string& upto);
std::string slo_undecided();
/// In a cell of a table.
std::string slo_holds_at_least(const std::string& upto);
std::string slo_holds(const std::string& upto);
std::string slo_breaks(const std::string& at);
std::string slo_not_decided();

/// Where the host is full.
std::string so_many_sessions(const std::string& load);
std::string full_between(const std::string& low, const std::string& high);
std::string full_above(const std::string& bound);
std::string full_no_valid_step();
std::string full_not_asked(const std::string& load);
std::string full_one_valid(const std::string& load);
std::string full_not_shown(const std::string& from, const std::string& to);
std::string engine_had(const std::string& load, double running, double waiting);
std::string scan_on(const std::string& load);
/// @param open Saturation was not found. @param close It lies above, and shows already.
std::string gives_out(const std::string& bottleneck, bool open, bool close);
/// "22: queue_slots; at 32 the engine … → more slots" @param found Whether `full` is an answer.
std::string full_line(const std::string& full, bool found, const std::vector<std::string>& why,
                      std::string_view way_out);

/// "4.1 % (28 × 429); longest silence 24.1 ms"
std::string errors_line(const std::string& errors, std::optional<double> silence);
std::string and_more_in_the_report(std::size_t results);

/// "full between 16 and 32, SLO holds up to 16" @param slo Empty: there is none.
std::string in_one_line(const std::string& full, const std::string& slo);
std::string soak_in_one_line(const std::string& state);

}  // namespace kneepoint::coordinator::words
