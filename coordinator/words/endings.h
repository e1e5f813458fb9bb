#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "coordinator/results/exit_code.h"
#include "coordinator/results/model.h"

/// What ended a run or a ramp, and the last lines on a terminal: clauses, but where it says sentence.
namespace kneepoint::coordinator::words {

/// Why the loss of agents ended the run.
std::string agent_lost_and_told_to_stop();
std::string lost_an_agent_each_time(std::size_t times);
std::string no_agent_left();
std::string too_few_agents(std::size_t left, std::size_t needed);

/// Why a ramp or a search did not come to its end. @param bound The plan's name for it: "max_duration".
std::string target_gave_only_failures();
std::string bound_used_up(std::string_view bound, double seconds, double next_load);
std::string no_time_to_close_in(std::string_view bound, double seconds, double elapsed);
std::string not_decided_for_again(double load);

/// What a run's end is called in the help of exit codes.
std::string_view exit_words(ExitCode code);

/// "interactive; 37 requests in flight (30 to 40): …"
std::string plan_by(const Recommendation& recommendation);
/// "not trustworthy: the host …; 1 more in the report" @param more Remarks that weigh, beside the heaviest.
std::string trust_and_why(std::string_view trust, const std::string& why, std::size_t more);
std::string every_table(const std::string& directory);
/// "report: kneepoint-1/report.html"
std::string where_the_report_is(const std::string& directory);
/// A sentence. @param next The command, and how long it takes.
std::string quick_look(const std::string& next);
/// "about 15 min"
std::string about_minutes(std::int64_t minutes);

}  // namespace kneepoint::coordinator::words
