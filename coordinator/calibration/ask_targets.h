#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "common/plan.h"

namespace kneepoint::coordinator {

/// A target, by its place in the plan, and what it is asked.
using Question = std::pair<std::uint32_t, std::string>;

/// Asks all targets at the same time, so that one which cannot be reached delays no other; the questions of
/// one target in turn. Blocks. @param ask called with a target and a question, on a thread for each target.
/// @returns the answers by question; after `stop` some are missing.
template <class Ask>
auto ask_targets(const Plan& plan, const std::set<Question>& questions, const std::stop_token& stop,
                 const Ask& ask) {
  using Answers = std::map<Question, std::invoke_result_t<Ask, const Target&, const std::string&>>;
  std::map<std::uint32_t, std::future<Answers>> asked;
  for (const auto& [index, text] : questions) {
    if (asked.contains(index)) continue;
    asked[index] = std::async(std::launch::async, [&plan, &questions, &stop, &ask, index = index] {
      Answers answers;
      for (auto at = questions.lower_bound({index, ""}); at != questions.end() && at->first == index; ++at) {
        if (stop.stop_requested()) break;
        answers.emplace(*at, ask(plan.targets[index], at->second));
      }
      return answers;
    });
  }
  Answers all;
  for (auto& [index, answers] : asked) all.merge(answers.get());
  return all;
}

}  // namespace kneepoint::coordinator
