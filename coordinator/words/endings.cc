#include "coordinator/words/endings.h"

#include <fmt/format.h>

#include "common/plural.h"
#include "coordinator/results/units.h"
#include "coordinator/words/answer.h"

namespace kneepoint::coordinator::words {

std::string agent_lost_and_told_to_stop() {
  return "an agent was lost, and the plan says on_agent_lost: stop";
}

std::string lost_an_agent_each_time(std::size_t times) {
  return fmt::format("a step lost an agent each time it was run, {} times in all", times);
}

std::string no_agent_left() {
  return "no agent was left";
}

std::string too_few_agents(std::size_t left, std::size_t needed) {
  return fmt::format("{} left, and at least {} are needed", plural(left, "agent"), needed);
}

std::string target_gave_only_failures() {
  return "its target gave nothing but failures";
}

std::string bound_used_up(std::string_view bound, double seconds, double next_load) {
  return fmt::format("{} of {} was used up before the step at {}", bound, format_time(seconds),
                     format_figure(next_load));
}

std::string no_time_to_close_in(std::string_view bound, double seconds, double elapsed) {
  return fmt::format("{} of {} left no time to close in further after {}", bound, format_time(seconds),
                     format_time(elapsed));
}

std::string not_decided_for_again(double load) {
  return fmt::format("the step at {} would not be decided for again", format_figure(load));
}

std::string_view exit_words(ExitCode code) {
  switch (code) {
    case kDone:
      return "done";
    case kInternalError:
      break;
    case kBadInput:
      return "bad usage or plan, or a target is not ready; nothing was loaded";
    case kNoVerdict:
      return "no trustworthy verdict";
    case kThreshold:
      return "a threshold was missed";
    case kFleetFailed:
      return "the fleet was not assembled, or the loss of agents ended the run";
    case kGuardRail:
      return "stopped by a guard rail, or on the live page";
    case kInterrupted:
      return "interrupted";
  }
  return "internal error";
}

std::string plan_by(const Recommendation& recommendation) {
  return fmt::format("{}; {}", recommendation.name, recommendation_sentence(recommendation));
}

std::string trust_and_why(std::string_view trust, const std::string& why, std::size_t more) {
  const std::string text = fmt::format("{}: {}", trust, why);
  return more == 0 ? text : text + fmt::format("; {} more in the report", more);
}

std::string every_table(const std::string& directory) {
  return fmt::format("every table: kneepoint report --full {}", directory);
}

std::string where_the_report_is(const std::string& directory) {
  return fmt::format("report: {}/report.html\n", directory);
}

std::string quick_look(const std::string& next) {
  return fmt::format("A quick look, not for decisions. For the answer: {}", next);
}

std::string about_minutes(std::int64_t minutes) {
  return fmt::format("about {} min", minutes);
}

}  // namespace kneepoint::coordinator::words
