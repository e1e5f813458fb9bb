#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/results/model.h"

/// Of several runs, held against each other or against a limit: clauses, but where it says sentence.
namespace kneepoint::coordinator::words {

/// "chat on host"
std::string scenario_on_target(const ScenarioResult& result);
/// "A: x; B: y"
std::string run_and_text(const std::string& run, const std::string& text);
std::string run_by_run(const std::vector<std::string>& parts);

/// What a reader has to bear in mind.
std::string no_such_result(const std::string& run);
std::string compared_are(const std::string& by_run);
std::string models_differ(const std::string& by_run);
std::string workloads_unknown();
std::string workloads_differ(const std::string& by_run);
std::string moved_at_another_pace(const std::string& run, double pace, const std::string& base,
                                  double base_pace);
std::string moved_and_stood_still(const std::string& moved, const std::string& still);
std::string memory_not_alike();
std::string limits_differ(const std::string& title, double base_limit, const std::string& base, double limit,
                          const std::string& run);
std::string row_invalid_in(double load, const std::string& run, const std::vector<std::string>& reasons);
std::string row_refuted_in(double load, const std::string& run);
std::string measured_in_one_only(const std::string& run, const std::vector<double>& loads);
std::string tokens_counted_otherwise(double load);
std::string nothing_in_common();
/// @param result Of several of its run; else null.
std::string whole_is_spoiled(const std::string& run, const ScenarioResult* result, Trust trust,
                             const std::string& why);
std::string only_in(const std::string& run, const ScenarioResult& result);
std::string same_texts_and_a_cache(const std::vector<std::string>& runs, const std::string& most_in,
                                   const Step& most);

/// The headline of a result: how the parts of it changed, and a sentence.
struct ChangeRange {
  std::string title;                ///< "output tok/s"
  std::string low, high;            ///< In per cent, with a sign.
  std::size_t rows = 0, of = 0;     ///< Loads that differ, of those compared.
  std::optional<double> only_load;  ///< Of one row.
};
std::string change_over_loads(const ChangeRange& change);
/// "errors 0 % → 1.2 % at 64"
std::string share_changed(const std::string& title, const std::string& from, const std::string& to,
                          double load);
/// @param of "chat on host: ", where there are several results.
std::string does_not_differ(const std::string& of, const std::string& run, const std::string& base);
std::string differs_in(const std::string& of, const std::string& run, const std::string& base,
                       const std::vector<std::string>& titles);
/// @param speed Whether what changed is speed; else failures.
std::string is_better_or_worse(const std::string& of, const std::string& run, const std::string& base,
                               bool better, bool worse, bool speed, const std::vector<std::string>& parts);
std::string nothing_compared();
/// Sentences.
std::string how_many_differ(std::size_t figures, std::size_t better, std::size_t worse);
std::string comparison_method(const std::string& base, std::size_t tests, bool took_turns);

/// A difference, and what is to be thought of it.
std::string only_bounds_known();
std::string from_nothing();
std::string at_least(const std::string& ratio);
std::string at_most(const std::string& ratio);
std::string not_tested();
std::string not_significant();
std::string more_than_chance_alone();
std::string against(const std::string& run, const std::string& base);

/// What a limit came to. @param lines At least one. @param most So many of them are told.
std::string first_lines(const std::vector<std::string>& lines, std::size_t most);
std::string too_wide_to_tell(const std::string& figure);
std::string no_row_measured(const std::string& where);
std::string row_is_invalid(const std::vector<std::string>& reasons);
std::string row_is_refuted();
std::string not_measured();
std::string too_few_requests(const std::string& figure);
std::string was_not_found(const std::string& title);
std::string no_slo();
std::string nothing_was_measured();
std::string row_does_not_count(const std::string& what, const std::string& run);
std::string not_measured_in(const std::string& what, const std::string& run);
std::string may_not_be_compared(std::size_t figures);
std::string past_and_not_tested(const std::string& line);
std::string past_and_undecided(const std::string& line);
std::string only_bound_within(const std::string& line);
std::string no_such_figure();
/// @param without_reference Rows of the base that lack the figure.
std::string differences_within(std::size_t count, std::size_t without_reference);

}  // namespace kneepoint::coordinator::words
